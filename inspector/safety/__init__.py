"""What a model may run here, what a run would reach, and the scan that reports it."""
