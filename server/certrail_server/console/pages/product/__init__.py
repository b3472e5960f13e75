"""The pages of what all Applications share."""

from certrail_server.console.pages.product import (
    authorities,
    channels,
    connections,
    new_connection,
    people,
    plugins,
    policies,
    profiles,
    tokens,
)

ROUTERS = (
    authorities.router,
    policies.router,
    profiles.router,
    connections.router,
    new_connection.router,
    people.router,
    tokens.router,
    plugins.router,
    channels.router,
    channels.alerts,
)
