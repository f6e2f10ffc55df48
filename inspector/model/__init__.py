"""What a reader makes of a file: `Model`, its signatures, its variables."""
