"""What is open, selected, highlighted; pure functions over the hierarchy."""
