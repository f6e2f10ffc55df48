"""Lists whose rows are dragged to another place."""
