"""Keeps Temporal as the database needs it: schedules and workflows that are missing there are made again."""

import asyncio
import logging

from certrail.services.core.orchestrator import Orchestrator, OrchestratorUnavailable
from certrail.services.operations.reconciliation import Reconciliation

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
ENSURE_SECONDS = 60.0


class Reconciler:
    """One per process, beside the dispatcher; it needs no schedule of Temporal, as those may be what is missing."""

    def __init__(self, reconciliation: Reconciliation, orchestrator: Orchestrator) -> None:
        self._reconciliation = reconciliation
        self._orchestrator = orchestrator
        self._identity: str | None = None
        self._ensure_at = 0.0

    async def run(self) -> None:
        """Look every few seconds, until cancelled: the first look after Temporal came back restores what it lost."""
        while True:
            try:
                await self.look()
            except OrchestratorUnavailable as err:
                log.debug("workflows cannot be compared with the database now: %s", err)
            except Exception:
                log.exception("workflows could not be compared with the database; trying again")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Compare once; returns how many workflows were started again.

        Raises:
            OrchestratorUnavailable: nothing was compared.
        """
        identity = await self._ensured()
        restarted = await asyncio.to_thread(self._reconciliation.restore, identity)
        needed = await asyncio.to_thread(self._reconciliation.to_check)
        lost = await self._orchestrator.lost([one.start for one in needed]) if needed else ()
        if lost:
            found = [one for one in needed if one.start.workflow_id in lost]
            restarted += await asyncio.to_thread(self._reconciliation.restart, found)
        if restarted:
            log.warning("%s workflows were missing in Temporal and were started again", restarted)
        return restarted

    async def _ensured(self) -> str:
        """The store's identity; what workflows need in it is looked for once a minute while it is the same."""
        identity, now = await self._orchestrator.identity(), asyncio.get_running_loop().time()
        if identity is not None and identity == self._identity and now < self._ensure_at:
            return identity
        missing = await self._orchestrator.ensure()
        if (identity := identity or await self._orchestrator.identity()) is None:
            raise OrchestratorUnavailable("what stores the workflows is being made")
        if missing:
            log.warning("schedules were missing and were made again: %s", ", ".join(missing))
            await asyncio.to_thread(self._reconciliation.schedules_restored, identity, missing)
        self._identity, self._ensure_at = identity, now + ENSURE_SECONDS
        return identity
