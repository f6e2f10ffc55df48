"""The canvas without a host: its ES module, style sheet and HTML, and the data it draws."""
