"""The hooks a certrail plugin may implement. A hook returns classes; the work is in their methods."""

from collections.abc import Mapping
from typing import Any

import pluggy

from certrail_sdk.destination import Destination
from certrail_sdk.issuer import Issuer
from certrail_sdk.notifier import Notifier

PROJECT = "certrail"
"""pluggy project name and entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """Every hook there is. Implement the ones you need, decorated with ``hookimpl``."""

    @hookspec
    def certrail_destinations(self) -> list[type[Destination[Any]]]:
        """Return the destination classes this plugin provides."""
        raise NotImplementedError

    @hookspec
    def certrail_notifiers(self) -> list[type[Notifier[Any]]]:
        """Return the notifier classes this plugin provides."""
        raise NotImplementedError

    @hookspec
    def certrail_issuers(self) -> list[type[Issuer[Any]]]:
        """Return the issuer classes this plugin provides."""
        raise NotImplementedError

    @hookspec
    def certrail_event(self, event: Mapping[str, Any]) -> None:
        """Observe one committed event. The result is ignored and a failure stays your own.

        Called in a thread of one worker, with the events in order. Each is handed out once: those that a worker has in
        hand when it ends are lost, and so are the oldest of more than a thousand that wait.
        """
