"""The report of the Compare page, and the verdict on top of it."""
