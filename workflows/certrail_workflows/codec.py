"""What Temporal can read: inputs, results, signals and failures are encrypted, one line about each workflow is not.

The line is the summary that a start carries and the current details that a workflow answers with; both hold names and
slugs only (docs/decisions/0019).
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, Protocol

from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

ENCODING = b"binary/encrypted"
PURPOSE = "temporal-payload"
READABLE = "certrail-readable"
"""Key in the metadata of a payload that the codec lets pass."""


class ReadableText(str):
    """Text for a person who reads Temporal's UI: names and slugs, never a key, a credential or a payload."""

    __slots__ = ()


class Seals(Protocol):
    """The part of a keyring that the codec needs."""

    def seal(self, plaintext: bytes, purpose: str) -> str:
        """Encrypt under the active key."""
        ...

    def open(self, envelope: str, purpose: str) -> bytes:
        """Decrypt."""
        ...


class MarkingPayloadConverter(PydanticPayloadConverter):
    """Pydantic types as JSON; marks what a person may read in Temporal's UI.

    The mark follows the Python type, so that no string becomes readable by accident.
    """

    def to_payloads(self, values: Sequence[Any]) -> list[Payload]:
        """Convert, and mark `ReadableText` and the answer to the query for a workflow's current details."""
        payloads = super().to_payloads(values)
        for value, payload in zip(values, payloads, strict=True):
            if isinstance(value, ReadableText | WorkflowMetadata):
                payload.metadata[READABLE] = b"1"
        return payloads


class UnsealedPayload(Exception):
    """A payload that certrail did not seal: whoever can write to Temporal's cluster may have made it up."""


CANCELLED_BEFORE_START = b'"ACTIVITY_ID_NOT_STARTED"'
"""Details that Temporal's server itself gives an activity that was cancelled between two attempts, and nobody reads.

Refused like others, they would fail every task of the workflow, so that it would never go on.
"""


class EncryptionCodec(PayloadCodec):
    """Seals whole payloads, with their metadata; opens what it sealed and refuses the rest.

    AES-GCM authenticates what it opens, so an input, a signal or a result is certrail's own or is not used. Summaries
    are written for people and read by nobody here.

    Args:
        readable: whether marked payloads stay readable; else they are sealed like all others.
    """

    def __init__(self, keyring: Seals, *, readable: bool = True) -> None:
        self._keyring = keyring
        self._readable = readable

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt every payload that is not marked as readable."""
        return [
            _unmarked(payload) if self._readable and READABLE in payload.metadata else self._sealed(payload)
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt every payload. Raises UnsealedPayload, KeyringError."""
        return [self._opened(payload) for payload in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        envelope = self._keyring.seal(payload.SerializeToString(), PURPOSE)
        return Payload(metadata={"encoding": ENCODING}, data=envelope.encode())

    def _opened(self, payload: Payload) -> Payload:
        if payload.data == CANCELLED_BEFORE_START:
            return payload
        if payload.metadata.get("encoding") != ENCODING:
            raise UnsealedPayload(
                "A payload in Temporal was not sealed by certrail, and is not used. Send no inputs and no signals with"
                " Temporal's own tools."
            )
        return Payload.FromString(self._keyring.open(payload.data.decode(), PURPOSE))


def _unmarked(payload: Payload) -> Payload:
    """As Temporal's tools know it: they show a payload with metadata of others as base64."""
    metadata = {name: value for name, value in payload.metadata.items() if name != READABLE}
    return Payload(metadata=metadata, data=payload.data)


def data_converter(keyring: Seals, *, readable: bool = True) -> DataConverter:
    """Pydantic types, encrypted; the messages and stack traces of failures too.

    Args:
        readable: whether summaries and current details may be read in Temporal.
    """
    return dataclasses.replace(
        DataConverter.default,
        payload_converter_class=MarkingPayloadConverter,
        payload_codec=EncryptionCodec(keyring, readable=readable),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
