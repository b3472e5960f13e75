"""One copy of a revocation list at one mirror, published again whenever a new list is signed."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.listening import Listening, is_recorded
from certrail_workflows.messages import GIVE_UP, MIRROR, Abandoned, PluginOrder


@workflow.defn
class MirrorFlow(Listening):
    """Publishes the present list; a newer one cuts short what is tried for an older one."""

    @workflow.run
    async def run(self, order: PluginOrder) -> None:
        """Ends once the present list is there, or was refused for good; the next list starts it again."""
        self._remember(order.heard)
        while True:
            self._news = False
            await self._publish(order)
            if not self._news:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(order, heard=self.heard))

    async def _publish(self, order: PluginOrder) -> None:
        activity = workflow.start_activity(
            MIRROR, order.subject_id, **policies.on_queue(order.queue, policies.DELIVER)
        )
        try:
            await self._unless_news(activity)
        except ActivityError as error:
            if self._news or is_recorded(error):
                return
            if is_cancelled_exception(error):
                raise
            abandoned = Abandoned("mirror", order.subject_id)
            await workflow.execute_local_activity(GIVE_UP, abandoned, **policies.OWN_STEP)
