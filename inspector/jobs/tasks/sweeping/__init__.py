"""The job that does one model of a sweep."""
