"""Feeds as people give them: typed, as pictures, as templates; and arrays as files."""
