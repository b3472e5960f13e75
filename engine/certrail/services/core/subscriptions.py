"""In-transaction subscriptions: how news travels from a room to those above it, which it must not import.

Calls stay the rule. A subscription is for the case in which a change has a consequence in a room above.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from certrail.domain.events import Event
from certrail.persistence.tables import EventRow

UowT = TypeVar("UowT")
Handler = Callable[[UowT, Any, EventRow], None]
"""Takes the open unit of work, the event, and its row with actor, time and id."""


class Subscriptions(Generic[UowT]):
    """A table of handlers by event class; a base class stands for every event derived from it.

    A handler runs in the transaction of the change: what it raises undoes the change, and what it records is
    handed on in turn. Handlers are called in the order of the table.
    """

    def __init__(self, table: Mapping[type[Event], Sequence[Handler[UowT]]] | None = None) -> None:
        self._table = dict(table or {})

    def notify(self, uow: UowT, event: Event, row: EventRow) -> None:
        """Call every handler of the event's class and of its bases."""
        for subscribed, handlers in self._table.items():
            if isinstance(event, subscribed):
                for handle in handlers:
                    handle(uow, event, row)
