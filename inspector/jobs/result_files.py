"""The names of the files that an optimise job leaves in its folder."""

from __future__ import annotations

FROZEN, OPTIMISED, RECORD = "frozen.pb", "optimised.pb", "record.json"
SAVED_MODEL, FROZEN_SAVED_MODEL = "saved_model", "frozen_saved_model"
