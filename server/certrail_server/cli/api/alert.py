"""`certrail alert`."""

from certrail_server.cli.support.documents import in_applications

alert = in_applications("alerts", ("slug", "name", "events", "channels", "enabled"), {"channels": "channels"})
