"""The pages below one Application."""

from certrail_server.console.pages.application import (
    alerts,
    approval_policies,
    enrollment,
    members,
    new_channel,
    new_sync,
    record,
    request_form,
    requests,
    setup,
    syncs,
)

ROUTERS = (
    # Before the requests: `new` is no id of one.
    request_form.router,
    requests.router,
    syncs.router,
    new_sync.router,
    new_channel.router,
    alerts.router,
    approval_policies.router,
    members.router,
    enrollment.router,
    record.router,
    setup.router,
)
