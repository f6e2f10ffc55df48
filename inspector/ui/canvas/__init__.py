"""The canvas component."""
