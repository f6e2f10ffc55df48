"""The graph as data: messages, tensors, op definitions, an index over NodeDefs, edits."""
