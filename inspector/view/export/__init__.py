"""A laid-out graph as SVG, PNG, PDF, DOT or JSON."""
