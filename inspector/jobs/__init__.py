"""Jobs: each reads or runs a model in a process of its own."""
