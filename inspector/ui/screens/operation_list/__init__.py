"""The list of operations: order, figures, pages."""
