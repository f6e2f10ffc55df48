"""What is decided without TensorFlow when a model becomes a TFLite model."""
