"""One module per transform, or family of transforms."""
