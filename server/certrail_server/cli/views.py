"""`view`."""

from certrail_server.cli.described import in_applications

view = in_applications("views", ("slug", "name", "filter"))
