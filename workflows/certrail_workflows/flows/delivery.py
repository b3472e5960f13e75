"""One lineage at one destination: brought there, read back, and tried for days if need be."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.listening import Listening, is_recorded
from certrail_workflows.messages import (
    BRING,
    DELIVER,
    DELIVERY_STANDING,
    GIVE_UP,
    REMOVE,
    VERIFY,
    Abandoned,
    DeliveryResult,
    DeliveryStanding,
    PluginOrder,
    ReadBack,
)

REMOVALS = "removals-by-themselves"
"""Since then removals are a step of their own. What began before goes on as it began."""


@workflow.defn
class DeliveryFlow(Listening):
    """Delivers what the record wants now; a newer wish or a retry by hand cuts any wait short.

    A delivery that failed for good ends the workflow normally, with ``failed`` as its result: the record
    holds the reason, and the next wish starts a new run.
    """

    @workflow.run
    async def run(self, order: PluginOrder) -> DeliveryResult:
        """Returns once the record has nothing left to try."""
        self._remember(order.heard)
        rounds = 0
        while True:
            self._news = False
            result = await self._round(order)
            if result is not None and not self._news:
                return result
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(order, heard=self.heard))
            rounds = 0 if self._news else rounds + 1
            await self._pause(policies.backoff(rounds))

    async def _round(self, order: PluginOrder) -> DeliveryResult | None:
        """Deliver, read back and take away once; ``None`` when it is to be done again.

        What is to leave comes last and by itself: one that is in use for weeks must not keep the new one from being
        looked at, nor count as its failure.
        """
        verified = None
        if await self._deliver(order):
            verified = await self._verify(order)
        if not self._news and workflow.patched(REMOVALS):
            await self._remove(order)
        if self._news:
            return None
        standing = await self._standing(order)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return DeliveryResult(standing.status, verified) if standing.settled else None

    async def _deliver(self, order: PluginOrder) -> bool:
        name = BRING if workflow.patched(REMOVALS) else DELIVER
        activity = workflow.start_activity(
            name, order.subject_id, **policies.on_queue(order.queue, policies.DELIVER)
        )
        try:
            await self._unless_news(activity)
        except ActivityError as error:
            if not self._news and not is_recorded(error):
                await self._give_up("delivery", order, error)
            return False
        return True

    async def _remove(self, order: PluginOrder) -> None:
        if not (await self._standing(order)).retiring:
            return
        activity = workflow.start_activity(
            REMOVE, order.subject_id, **policies.on_queue(order.queue, policies.REMOVE)
        )
        try:
            await self._unless_news(activity)
        except ActivityError as error:
            if not self._news and not is_recorded(error):
                await self._give_up("retirement", order, error)

    async def _verify(self, order: PluginOrder) -> bool | None:
        activity = workflow.start_activity(
            VERIFY,
            order.subject_id,
            result_type=ReadBack,
            **policies.on_queue(order.queue, policies.VERIFY),
        )
        try:
            read_back: ReadBack = await self._unless_news(activity)
        except ActivityError:
            # It stands there, as its receipt proves; that nobody could look is shown by the record.
            return None
        return read_back.verified

    async def _standing(self, order: PluginOrder) -> DeliveryStanding:
        standing: DeliveryStanding = await workflow.execute_local_activity(
            DELIVERY_STANDING, order.subject_id, result_type=DeliveryStanding, **policies.OWN_STEP
        )
        return standing

    async def _give_up(self, what: str, order: PluginOrder, error: ActivityError) -> None:
        if is_cancelled_exception(error):
            raise error
        abandoned = Abandoned(what, order.subject_id)
        await workflow.execute_local_activity(GIVE_UP, abandoned, **policies.OWN_STEP)
