"""The picture of a graph: node table, hierarchy, what is open, layout, search.

A job builds the node table (`table.builder`) and the tree (`tree.hierarchy.build`) and sends both
as JSON. The web process computes the visible graph (`state.visible`) and its coordinates
(`layout.layout`). Nothing here imports Streamlit or TensorFlow.
"""
