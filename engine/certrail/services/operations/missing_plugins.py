"""What waits for a plugin that cannot be called says so: no worker serves its queue, so no attempt can.

The failure is recorded as that of an attempt, and cleared by the first one that succeeds once the plugin is there.
"""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Text, cast, null
from sqlmodel import Session, col, not_, or_, select

from certrail.services.core.effects import PluginStep
from certrail.services.core.failure import Failure
from certrail.services.core.outbox import OpenObjects
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.integrations.plugin_names import absent_plugins

KIND = "PluginMissing"
ACTION = "See: certrail plugins. Once the plugin can be used, this goes on by itself."
CHUNK = 200
"""Objects of one kind that one sweep marks."""


class MissingPlugins:
    """Any number may run at once: each failure is recorded under the lock of its row.

    Args:
        kinds: what waits for plugins, each with the step that records its failures.
    """

    def __init__(self, context: ServiceContext, kinds: Sequence[tuple[OpenObjects, PluginStep]]) -> None:
        self._context, self._kinds = context, kinds
        self._items = SweepItems(context, "missing-plugins")

    def run(self) -> int:
        """Record it for all that does not say so yet; returns for how many."""
        marked = 0
        with self._context.db.read() as session:
            found = [
                (step, key, absent.reason, self._waiting(session, kind, key))
                for key, absent in absent_plugins(session, self._context.plugins).items()
                if f"plugin-{key}" not in self._context.plugins.queues()
                for kind, step in self._kinds
                if key.startswith(f"{kind.plugin_kind}-")
            ]
        for step, key, reason, idents in found:
            failure = Failure(KIND, reason, ACTION, key.partition("-")[2], next_try_at=None, permanent=False)
            marked += self._items.run_each(idents, partial(_mark, step, failure))
        return marked

    @staticmethod
    def _waiting(session: Session, kind: OpenObjects, key: str) -> Sequence[str]:
        """Ids of the rows that need the plugin and do not say that it is missing."""
        table = kind.table
        known = cast(col(table.last_error), Text).contains(f'"kind": "{KIND}"')
        query = select(table.id).where(
            kind.condition,
            kind.of_plugins([key.removeprefix(f"{kind.plugin_kind}-")]),
            or_(col(table.last_error).is_(null()), not_(known)),
        )
        return session.exec(query.order_by(col(table.id)).limit(CHUNK)).all()


def _mark(step: PluginStep, failure: Failure, ident: str) -> int:
    step.fail(ident, failure)
    return 1
