"""Variables to constants."""
