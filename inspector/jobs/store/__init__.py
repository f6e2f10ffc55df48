"""The workspace: models by content, results by request."""
