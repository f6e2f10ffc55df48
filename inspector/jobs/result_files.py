"""The names of the files that optimise jobs and candidate jobs leave in its folder."""

from __future__ import annotations

FROZEN, OPTIMISED, RECORD = "frozen.pb", "optimised.pb", "record.json"
SAVED_MODEL, FROZEN_SAVED_MODEL = "saved_model", "frozen_saved_model"
TFLITE, FLOAT_TFLITE = "model.tflite", "float.tflite"
RESULTS = (SAVED_MODEL, OPTIMISED, TFLITE)
"""What the result of a sweep may be called, in each format."""
