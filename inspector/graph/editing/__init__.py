"""What an edit session is made of."""
