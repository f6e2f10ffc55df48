"""The hierarchy that the picture is opened along."""
