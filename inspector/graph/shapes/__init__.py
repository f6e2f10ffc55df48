"""Shapes and dtypes of every tensor, inferred without TensorFlow."""
