"""Jobs: where a model's bytes are read on behalf of the app, each time in a process of its own."""
