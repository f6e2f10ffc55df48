"""One list of transforms on many models, with a report at the end."""
