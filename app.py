"""The app: navigation and sign-in, nothing else."""

from inspector.ui.screens import shell
from inspector.ui.server import sign_in

page = shell.configure()
sign_in.require()
shell.sidebar(page)
shell.tour(page)
page.run()
shell.write_address(page)
