"""The picture of a graph: node table, hierarchy, what is open, layout, search.

A job makes the table (`summary.summarise`) and the tree (`hierarchy.build`) and hands both over
as JSON; the web process asks `visible` what to show and `layout` where. Nothing here imports
Streamlit or TensorFlow.
"""
