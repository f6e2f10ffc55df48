"""The web server: settings, the middleware in front, uploads, sign-in."""
