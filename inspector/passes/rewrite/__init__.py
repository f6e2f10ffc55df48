"""Matching and editing that several transforms share."""
