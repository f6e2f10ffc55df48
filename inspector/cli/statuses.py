"""Exit statuses of the command line beside 0, 1 (the model or the work) and 2 (the command line).

`inspector.__main__` reads them before it imports anything else, so this module imports nothing.
"""

NOT_MET = 3
"""A limit is not met, or a required check found a violation."""
BLOCKED = 3
"""Of `scan`: a signature reaches something that would be refused."""
NOT_CHECKED = 4
"""A required check could not be made."""
INTERRUPTED = 130
"""After Ctrl-C, as shells have it."""
