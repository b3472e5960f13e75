"""One copy of an approval's question in one chat channel, kept up to date until it is closed."""

from dataclasses import replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from certrail_workflows import policies
from certrail_workflows.flows.listening import Listening, is_recorded
from certrail_workflows.messages import GIVE_UP, REFRESH_QUESTION, Abandoned, PluginOrder, Refreshed


@workflow.defn
class QuestionFlow(Listening):
    """Refreshes the copy at every change. What cannot be shown stands in the record until the next change."""

    @workflow.run
    async def run(self, order: PluginOrder) -> None:
        """Ends once the copy is closed, or when nothing has changed for long."""
        self._remember(order.heard)
        while True:
            self._news = False
            closed = await self._refresh(order)
            if not closed:
                await self._pause(policies.QUESTION_IDLE)
            if not self._news:
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(replace(order, heard=self.heard))

    async def _refresh(self, order: PluginOrder) -> bool:
        activity = workflow.start_activity(
            REFRESH_QUESTION,
            order.subject_id,
            result_type=Refreshed,
            **policies.on_queue(order.queue, policies.REFRESH_QUESTION),
        )
        try:
            refreshed: Refreshed = await self._unless_news(activity)
        except ActivityError as error:
            if not self._news and not is_recorded(error):
                await self._give_up(order, error)
            return False
        return refreshed.closed

    async def _give_up(self, order: PluginOrder, error: ActivityError) -> None:
        if is_cancelled_exception(error):
            raise error
        abandoned = Abandoned("question", order.subject_id)
        await workflow.execute_local_activity(GIVE_UP, abandoned, **policies.OWN_STEP)
