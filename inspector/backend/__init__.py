"""The only part that imports TensorFlow: kernels, runs, and the generated list of ops."""
