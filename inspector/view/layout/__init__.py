"""Coordinates for boxes and edges, by Graphviz."""
