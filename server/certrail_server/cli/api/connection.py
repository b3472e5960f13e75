"""`certrail connection`."""

from certrail_server.cli.support.documents import of_the_product

connection = of_the_product("connections", ("slug", "name", "type", ("expires", "expires_at")))
