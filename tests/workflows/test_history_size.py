"""What Temporal keeps of a delivery and of a message: few events and few bytes, sealed as in an installation."""

from dataclasses import replace
from uuid import uuid4

import pytest
from temporalio.client import Client
from tests.workflows.fakes import Fakes
from tests.workflows.test_visibility import dispatched

from certrail.crypto.keyring import Keyring
from certrail.services.core.orchestrator import OutboxMessage
from certrail_workflows.client import TemporalOrchestrator

DELIVERY = OutboxMessage(
    1,
    "delivery",
    f"delivery-{uuid4().hex}",
    uuid4().hex,
    plugin="destination-fake",
    signal=uuid4().hex,
    application="history",
    lineage_id=uuid4().hex,
    summary="Deliver www.payments.example.com to web-servers",
)
MESSAGE = replace(
    DELIVERY,
    flow="notification",
    workflow_id=f"notification-{uuid4().hex}-{uuid4().hex}",
    signal=None,
    lineage_id=None,
    summary="Send certificate.issued to security-mail",
)


@pytest.mark.parametrize(
    ("message", "events", "most"), [(DELIVERY, 12, 2500), (MESSAGE, 11, 2500)], ids=["delivery", "message"]
)
async def test_a_history_is_short(
    address: str,
    client: Client,
    keyring: Keyring,
    fakes: Fakes,
    message: OutboxMessage,
    events: int,
    most: int,
) -> None:
    orchestrator = TemporalOrchestrator(address=address, namespace="default", keyring=keyring)
    async with fakes.workers(client):
        await dispatched(orchestrator, message)
        handle = client.get_workflow_handle(message.workflow_id)
        await handle.result()
    history = await handle.fetch_history()
    sizes = [(event.event_type, event.ByteSize()) for event in history.events]
    assert len(sizes) <= events, sizes
    assert sum(size for _, size in sizes) <= most, sizes
