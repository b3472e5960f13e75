"""What is wrong with the parts that several teams share: plugins and channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from certrail.domain.access import Permission
from certrail.services.access.reach import Reach
from certrail.services.facade import Services
from certrail.services.integrations.plugin_faults import described

USABLE = ("ready", "disabled")
"""States of plugins that nobody has to do something about."""


@dataclass(frozen=True)
class Unhealthy:
    """A plugin that cannot be used or had a fault, or a channel to which nothing gets through."""

    name: str
    state: str
    text: str
    since: datetime | None = None


def unhealthy(services: Services, reach: Reach) -> Sequence[Unhealthy]:
    """Plugins to whoever manages the product, channels to those whose they are; two statements."""
    managed = reach.holds(Permission.PRODUCT_MANAGE)
    faults = services.plugin_faults.all() if managed else {}
    infos = services.context.plugins.all() if managed else ()
    found = [
        Unhealthy(f"Plugin {info.title or info.key}", info.state, info.described)
        for info in infos
        if info.state not in USABLE
    ]
    found += [
        Unhealthy(f"Plugin {info.title or info.key}", "failed", described(faults[info.key]))
        for info in infos
        if info.key in faults
    ]
    channels = services.channels.failing_in(reach.where(Permission.ALERT_READ))
    found += [
        Unhealthy(
            f"Channel {channel.name}",
            "failed",
            "Nothing gets through. What it should have sent is sent by its fallback, if it has one.",
            channel.failing_since,
        )
        for channel in channels
    ]
    return found
