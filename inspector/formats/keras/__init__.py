"""Keras files: `.h5` and `.keras`."""
