"""State and jobs of a browser session."""
