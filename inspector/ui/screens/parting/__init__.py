"""Where the answers of two models part: the node to blame, and errors by node, on Compare."""
