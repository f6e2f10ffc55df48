"""The app: navigation, nothing else."""

from inspector.ui import shell

page = shell.configure()
shell.sidebar(page)
page.run()
