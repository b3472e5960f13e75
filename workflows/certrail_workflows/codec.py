"""Everything that Temporal stores is an envelope of the keyring: payloads and failure messages alike."""

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from certrail.crypto.keyring import Keyring

PURPOSE = "temporal-payload"
ENCODING = b"binary/certrail-sealed"


class SealingCodec(PayloadCodec):
    """Seals every payload under the keyring; a payload that was never sealed is passed as it is."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        sealed = self._keyring.seal(payload.SerializeToString(), PURPOSE)
        return Payload(metadata={"encoding": ENCODING}, data=sealed.encode())

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        return Payload.FromString(self._keyring.open(payload.data.decode(), PURPOSE))


def sealed_converter(keyring: Keyring) -> DataConverter:
    """The data converter of every client and worker."""
    return dataclasses.replace(
        pydantic_data_converter,
        payload_codec=SealingCodec(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
