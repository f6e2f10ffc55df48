"""Branches that constants decide: which, what of them never runs, and the graph without it."""
