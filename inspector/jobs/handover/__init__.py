"""Models that a worker reads and hands over to the process that asked for them."""
