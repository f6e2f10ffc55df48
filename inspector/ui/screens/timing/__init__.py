"""What the Compare page times besides one batch size."""
