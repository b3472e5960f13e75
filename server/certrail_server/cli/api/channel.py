"""`certrail channel`."""

from certrail_server.cli.common import out
from certrail_server.cli.support.documents import Application, Reference, in_applications
from certrail_server.cli.support.remote import call, scope

channel = in_applications(
    "channels", ("slug", "name", "notifier", ("global", "product_wide"), ("failing since", "failing_since"))
)


@channel.command("check")
def check_channel(application: Application, reference: Reference) -> None:
    """Check that the notifier of a channel accepts its configuration and credentials."""
    call("POST", f"{scope(application)}/channels/{reference}/check")
    out.print("ok")
