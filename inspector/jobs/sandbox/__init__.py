"""What a worker process may reach: Landlock, seccomp, limits, and who decides."""
