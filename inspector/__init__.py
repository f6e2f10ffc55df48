"""Inspector: see what is in a TensorFlow model, make it smaller, and prove what that did."""
