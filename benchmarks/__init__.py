"""Figures, measured on request: each module prints a table. They are no tests."""
