"""Calls to one service of AWS, each in a thread and with its errors explained."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from certrail_aws.config import AwsConfig
from certrail_sdk import settled

Answer = dict[str, Any]
GONE = frozenset({"ResourceNotFoundException", "NoSuchEntity", "ListenerNotFound", "CertificateNotFound"})
"""Error codes by which services say that an object does not exist."""


class AwsClient:
    """One service for one verb: nothing of it is kept after.

    Args:
        service: boto3's name of it, such as ``elbv2``.
        prefix: IAM's name of it, for messages about permissions.
    """

    def __init__(
        self, config: AwsConfig, service: str, endpoint_url: str | None, *, prefix: str = ""
    ) -> None:
        self._config = config
        self._service = service
        self._endpoint_url = endpoint_url
        self._prefix = prefix or service
        self._boto: Any = None

    async def read(self, action: str, **parameters: Any) -> Answer:
        """A call that changes nothing; when cancelled it is not waited for.

        Raises:
            PluginError: what AWS refused, and what the engine does next.
        """
        return await asyncio.to_thread(self._blocking, action, parameters) or {}

    async def find(self, action: str, **parameters: Any) -> Answer | None:
        """The same, ``None`` where the object does not exist."""
        return await asyncio.to_thread(self._blocking, action, parameters, GONE)

    async def write(self, action: str, *, unless: Collection[str] = (), **parameters: Any) -> Answer | None:
        """A call that changes something: it has ended, well or not, before a cancelled caller goes on.

        Returns ``None`` where AWS answers with one of the error codes of ``unless``.
        """
        return await settled(asyncio.to_thread(self._blocking, action, parameters, unless))

    def _blocking(
        self, action: str, parameters: Mapping[str, Any], none_for: Collection[str] = ()
    ) -> Answer | None:
        # boto3 takes a second to load, which no process pays that makes no call, nor the event loop.
        from certrail_aws.session import client_of, made  # noqa: PLC0415

        if self._boto is None:
            self._boto = client_of(self._config, self._service, self._endpoint_url)
        return made(self._boto, f"{self._prefix}:{action}", parameters, none_for)
