"""Results as text, as the command line prints them and notebooks show them."""
