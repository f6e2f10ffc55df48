"""Freeze, transform, check, sign."""
