"""The parts of each page: a module per page, and modules for its larger parts."""
