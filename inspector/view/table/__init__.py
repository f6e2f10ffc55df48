"""The node table: one row per node, as columns."""
