"""Names of files that TensorFlow writes, by which a model's folder is recognised."""

from __future__ import annotations

SAVED_MODEL = BINARY, TEXT, CHUNKED = "saved_model.pb", "saved_model.pbtxt", "saved_model.cpb"
"""A folder with one of these is a SavedModel; TensorFlow takes the first of them that is there."""

SAVED_MODEL_PARTS = ("variables", "assets", "assets.extra", "fingerprint.pb", "keras_metadata.pb")
"""What may lie beside them and belongs to the SavedModel."""

STATE_FILE = "checkpoint"
"""The text file in which a Saver notes its checkpoints."""
