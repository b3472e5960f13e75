"""`certrail view`: saved searches."""

from certrail_server.cli.api.documents import in_applications

view = in_applications("views", ("slug", "name", "filter"))
