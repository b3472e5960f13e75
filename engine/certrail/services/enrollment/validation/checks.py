"""One check of one challenge, within its time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from certrail.domain.enrollment import ChallengeType
from certrail.services.enrollment.validation import (
    dns_01,
    dns_account_01,
    dns_persist_01,
    http_01,
    tls_alpn_01,
)
from certrail.services.enrollment.validation.outcome import CHECK_SECONDS, CheckFailed, Probe, Shown

CHECKS: Mapping[ChallengeType, Callable[[Probe], Awaitable[Shown]]] = MappingProxyType(
    {
        ChallengeType.HTTP: http_01.check,
        ChallengeType.DNS: dns_01.check,
        ChallengeType.TLS_ALPN: tls_alpn_01.check,
        ChallengeType.DNS_ACCOUNT: dns_account_01.check,
        ChallengeType.DNS_PERSIST: dns_persist_01.check,
    }
)


async def check(probe: Probe) -> Shown | CheckFailed:
    """Whether the holder of the account controls the name."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await CHECKS[probe.type](probe)
    except CheckFailed as failure:
        return failure
    except TimeoutError:
        return CheckFailed("connection", f"No answer within {CHECK_SECONDS:.0f} seconds.")
