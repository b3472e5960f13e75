"""`certrail view`: saved searches."""

from certrail_server.cli.support.documents import in_applications

view = in_applications("saved-searches", ("slug", "name", "filter"))
