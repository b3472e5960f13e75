"""`python -m certrail_server` is the `certrail` command."""

from certrail_server.cli import app

app()
