"""What the library asks of a worker process."""
