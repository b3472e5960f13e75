"""What the API takes and answers: syncs.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from certrail_client.base import Body, Json, default


class PreviewIn(Body):
    """A sync to look at without making it."""

    destination: str
    selection: SelectionIn | None = None
    name_schema: str = "certrail-{{short_certificate_id}}"


class SelectionIn(Body):
    """Which certificates a sync carries: lineages, or what passes the filter; empty means all of the
    Application.
    """

    lineages: list[str] | None = None
    profiles: list[str] | None = None
    names: list[str] | None = None
    """such as *.example.com: one fits one of its names"""
    metadata: dict[str, str] | None = None


class SyncChangeIn(Body):
    """What to change of a sync; what is left out stays, a masked value in the configuration too."""

    name: str | None = None
    connection: str | None = None
    config: Json | None = default(None, repr=False)
    selection: SelectionIn | None = None
    name_schema: str | None = None
    include_root: bool | None = None
    keep_identity: bool | None = None
    auto: bool | None = None
    prune: bool | None = None
    prune_grace_seconds: int | None = None


class SyncIn(Body):
    """A sync to make."""

    slug: str
    name: str
    destination: str
    connection: str | None = None
    config: Json | None = default(None, repr=False)
    selection: SelectionIn | None = None
    name_schema: str = "certrail-{{short_certificate_id}}"
    include_root: bool = False
    keep_identity: bool = True
    auto: bool = True
    prune: bool = False
    prune_grace_seconds: int = 604800


class TriggerIn(Body):
    """What to deliver by hand; no lineages means all that the sync carries."""

    lineages: list[str] | None = None
