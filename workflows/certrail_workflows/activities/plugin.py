"""Steps that talk to the outside through a plugin, on the plugin's own task queue."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from temporalio import activity

from certrail.services.failure import Failure
from certrail_sdk import Interactive, Observes, Sent
from certrail_workflows.errors import judge
from certrail_workflows.policies import HEARTBEAT_EVERY

if TYPE_CHECKING:
    from certrail.services.alerting import Notifications
    from certrail.services.deliveries import Deliveries
    from certrail.services.questions import Questions


class PluginActivities:
    """Each takes its work from a service, lets the plugin do it, and hands the result back."""

    def __init__(
        self,
        deliveries: "Deliveries",
        notifications: "Notifications",
        questions: "Questions",
        clock: Callable[[], datetime],
    ) -> None:
        self._deliveries = deliveries
        self._notifications = notifications
        self._questions = questions
        self._clock = clock

    @activity.defn
    async def deliver(self, delivery_id: str) -> None:
        """Make the wanted certificate stand at the destination."""
        attempt = activity.info().attempt
        work = await asyncio.to_thread(self._deliveries.begin, delivery_id, attempt)
        if work is None:
            return

        def failed(failure: Failure) -> None:
            self._deliveries.failed(delivery_id, work.certificate_id, failure)

        async with self._judged(work.plugin, failed):
            receipt = await work.destination.deploy(work.deployment)
        await asyncio.to_thread(self._deliveries.complete, delivery_id, work.certificate_id, receipt)

    @activity.defn
    async def verify(self, delivery_id: str) -> bool:
        """Read back what stands at the destination; `False` when it is not what was delivered."""
        work = await asyncio.to_thread(self._deliveries.begin_verify, delivery_id)
        if work is None or not isinstance(work.destination, Observes):
            return True

        def failed(failure: Failure) -> None:
            self._deliveries.unverified(delivery_id, work.certificate_id, failure)

        async with self._judged(work.plugin, failed):
            observation = await work.destination.observe(work.target)
        return await asyncio.to_thread(
            self._deliveries.verified, delivery_id, work.certificate_id, observation
        )

    @activity.defn
    async def notify(self, notification_id: str) -> None:
        """Send one message."""
        attempt = activity.info().attempt
        work = await asyncio.to_thread(self._notifications.begin, notification_id, attempt)
        if work is None:
            return

        def failed(failure: Failure) -> None:
            self._notifications.failed(notification_id, failure)

        async with self._judged(work.plugin, failed):
            sent = await work.notifier.send(work.notification)
        await asyncio.to_thread(self._notifications.sent, notification_id, sent)

    @activity.defn
    async def refresh_question(self, copy_id: str) -> bool:
        """Post a question, or bring it up to date; `True` when it is closed."""
        work = await asyncio.to_thread(self._questions.begin, copy_id)
        if work is None:
            return await asyncio.to_thread(self._questions.is_closed, copy_id)

        def failed(failure: Failure) -> None:
            self._questions.failed(copy_id, failure)

        notifier = work.notifier
        assert isinstance(notifier, Interactive)
        reference = work.reference
        async with self._judged(work.plugin, failed):
            if reference is None:
                posted: Sent = await notifier.ask(work.question)
                reference = posted.reference
            else:
                await notifier.update(reference, work.question)
        await asyncio.to_thread(self._questions.shown, copy_id, work.version, reference, work.closed)
        return work.closed

    @asynccontextmanager
    async def _judged(self, plugin: str, failed: Callable[[Failure], None]) -> AsyncIterator[None]:
        """Heartbeat while the plugin works, and turn what it raises into one recorded failure."""
        beating = asyncio.create_task(_heartbeat())
        try:
            yield
        except Exception as err:
            verdict = judge(err, plugin, activity.info().attempt, self._clock())
            await asyncio.to_thread(failed, verdict.failure)
            # The cause is left out on purpose: its text, or that of its own causes, might hold a secret.
            raise verdict.error from None
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


async def _heartbeat() -> None:
    while True:
        activity.heartbeat()
        await asyncio.sleep(HEARTBEAT_EVERY.total_seconds())
