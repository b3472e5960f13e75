"""Nothing that a person could read stands in Temporal's history."""

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from tests.workflows.fakes import Fakes, task

from certrail.crypto.keyring import Keyring, KeyringError
from certrail_sdk import Unauthorized
from certrail_workflows.codec import ENCODING, EncryptionCodec, UnsealedPayload
from certrail_workflows.flows.delivery import DeliveryWorkflow
from certrail_workflows.flows.notification import NotificationWorkflow
from certrail_workflows.messages import CORE_QUEUE

CANARY = "canary-in-the-clear"


async def raw_history(client: Client, workflow_id: str) -> bytes:
    """Every byte that the server keeps of a workflow."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return b"".join(event.SerializeToString() for event in history.events)


async def test_neither_ids_nor_failures_can_be_read(client: Client, fakes: Fakes) -> None:
    fakes.notifications.tries.script = [Unauthorized(f"the token {CANARY} was refused")]
    async with fakes.workers(client):
        with pytest.raises(WorkflowFailureError):
            await client.execute_workflow(
                NotificationWorkflow.run, task(CANARY), id="sealed-failure", task_queue=CORE_QUEUE
            )
    raw = await raw_history(client, "sealed-failure")
    assert CANARY.encode() not in raw
    assert raw.count(ENCODING) >= 3
    assert b"notification.py" not in raw, "a stack trace stands in the clear"


async def test_signals_and_local_results_cannot_be_read(client: Client, fakes: Fakes) -> None:
    async with fakes.workers(client):
        handle = await client.start_workflow(
            DeliveryWorkflow.run,
            task("delivery-1"),
            id="sealed-signal",
            task_queue=CORE_QUEUE,
            start_signal="changed",
            start_signal_args=[CANARY],
        )
        await handle.result()
    raw = await raw_history(client, "sealed-signal")
    assert CANARY.encode() not in raw
    assert b"delivered" not in raw


async def test_what_is_sealed_opens_to_the_same() -> None:
    codec = EncryptionCodec(Keyring.generate())
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"text"')
    (sealed,) = await codec.encode([payload])
    assert b"text" not in sealed.SerializeToString()
    assert await codec.decode([sealed]) == [payload]


async def test_another_keyring_cannot_open_it() -> None:
    (sealed,) = await EncryptionCodec(Keyring.generate()).encode([Payload(data=b"text")])
    with pytest.raises(KeyringError):
        await EncryptionCodec(Keyring.generate()).decode([sealed])


async def test_a_rotated_keyring_opens_older_histories() -> None:
    keyring = Keyring.generate()
    codec = EncryptionCodec(keyring)
    payload = Payload(data=b"text")
    sealed = await codec.encode([payload])
    keyring.rotate()
    assert await codec.decode(sealed) == [payload]


@pytest.mark.parametrize("encoding", [b"json/plain", b"binary/null", b"binary/plain", b""])
async def test_a_payload_that_is_not_sealed_is_refused(encoding: bytes) -> None:
    """Whoever can write to the cluster could else hand a workflow any input, or an activity any result."""
    payload = Payload(metadata={"encoding": encoding}, data=b'"by hand"')
    with pytest.raises(UnsealedPayload):
        await EncryptionCodec(Keyring.generate()).decode([payload])


async def test_what_the_server_says_of_a_cancelled_activity_is_taken() -> None:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"ACTIVITY_ID_NOT_STARTED"')
    assert await EncryptionCodec(Keyring.generate()).decode([payload]) == [payload]
