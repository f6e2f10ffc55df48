"""The report for stakeholders: one file about two models, as HTML, Markdown or JSON."""
