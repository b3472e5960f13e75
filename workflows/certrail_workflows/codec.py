"""Nothing readable reaches Temporal: payloads and failure messages go through the keyring."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

ENCODING = b"binary/encrypted"
PURPOSE = "temporal-payload"


class Seals(Protocol):
    """The part of a keyring that the codec needs."""

    def seal(self, plaintext: bytes, purpose: str) -> str:
        """Encrypt under the active key."""
        ...

    def open(self, envelope: str, purpose: str) -> bytes:
        """Decrypt."""
        ...


class EncryptionCodec(PayloadCodec):
    """Seals whole payloads, with their metadata; opens what it sealed and lets the rest pass.

    The rest are payloads that an operator sent with Temporal's own tools.
    """

    def __init__(self, keyring: Seals) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt every payload."""
        return [self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt every payload that is encrypted."""
        return [self._opened(payload) for payload in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        envelope = self._keyring.seal(payload.SerializeToString(), PURPOSE)
        return Payload(metadata={"encoding": ENCODING}, data=envelope.encode())

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        return Payload.FromString(self._keyring.open(payload.data.decode(), PURPOSE))


def data_converter(keyring: Seals) -> DataConverter:
    """Pydantic types, encrypted; the messages and stack traces of failures too."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=EncryptionCodec(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
