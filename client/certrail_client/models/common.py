"""What the API takes and answers: common.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from certrail_client.base import Body, Json, OpenEnum, default


class Freeze(Body):
    """A time in which nothing is renewed."""

    begins: datetime
    ends: datetime
    reason: str = ""


class KeyAlgorithm(OpenEnum):
    """Key algorithms that certrail makes and signs with."""

    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    EC_P256 = "EC_P256"
    EC_P384 = "EC_P384"
    EC_P521 = "EC_P521"
    ED25519 = "ED25519"


class RenewalRule(Body):
    """How certificates are renewed by themselves. Attributes: windows: renewals happen inside one of them;
    without any, at all times. freezes: and in none of these.
    """

    fraction: float | None = None
    before_seconds: int | None = None
    enabled: bool = True
    windows: list[Window] = default([])
    freezes: list[Freeze] = default([])


class TrialIn(Body):
    """A plugin configuration to try out without saving it."""

    plugin: str
    connection: str | None = None
    config: Json | None = default(None, repr=False)


class Window(Body):
    """Hours of some days; a window that ends before it begins ends on the next day."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = default(
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    )
    begins: str
    ends: str
    zone: str = "UTC"
