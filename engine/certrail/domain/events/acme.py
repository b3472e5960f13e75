"""Events of the ACME server."""

from collections.abc import Sequence
from dataclasses import dataclass

from certrail.domain.events.base import Event
from certrail_sdk import Severity


class AcmeAccountEvent(Event, subject="acme_account"):
    """About one ACME account."""


class ExternalAccountKeyEvent(Event, subject="external_account_key"):
    """About one key for external account bindings."""


class AcmeOrderEvent(Event, subject="acme_order"):
    """About one ACME order."""


@dataclass(frozen=True, kw_only=True)
class AcmeAccountCreated(AcmeAccountEvent, type="acme.account.created", title="ACME account created: {name}"):
    """An ACME client registered its key."""

    profile: str
    thumbprint: str
    contacts: Sequence[str]
    external_key: str | None


@dataclass(frozen=True, kw_only=True)
class AcmeAccountUpdated(AcmeAccountEvent, type="acme.account.updated", title="ACME account changed: {name}"):
    """An ACME client changed its contacts."""

    contacts: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class AcmeAccountKeyChanged(
    AcmeAccountEvent, type="acme.account.key_changed", title="ACME account has a new key: {name}"
):
    """An ACME client rolled its key over (RFC 8555 section 7.3.5)."""

    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class AcmeAccountDeactivated(
    AcmeAccountEvent, type="acme.account.deactivated", title="ACME account deactivated: {name}"
):
    """An ACME client deactivated its account."""


@dataclass(frozen=True, kw_only=True)
class AcmeAccountRevoked(
    AcmeAccountEvent,
    type="acme.account.revoked",
    title="ACME account revoked: {name}",
    severity=Severity.WARNING,
):
    """An administrator revoked an account, whose orders are refused from now on."""


@dataclass(frozen=True, kw_only=True)
class ExternalAccountKeyCreated(
    ExternalAccountKeyEvent,
    type="acme.external_key.created",
    title="Key for ACME accounts created: {name}",
):
    """A key for external account bindings was created and shown."""

    name: str
    profile: str


@dataclass(frozen=True, kw_only=True)
class ExternalAccountKeyRotated(
    ExternalAccountKeyEvent,
    type="acme.external_key.rotated",
    title="Key for ACME accounts rotated: {name}",
):
    """A key for external account bindings got a new secret, which was shown."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ExternalAccountKeyRevoked(
    ExternalAccountKeyEvent,
    type="acme.external_key.revoked",
    title="Key for ACME accounts revoked: {name}",
):
    """A key for external account bindings binds no new account any more."""

    name: str


@dataclass(frozen=True, kw_only=True)
class AcmeOrderCreated(AcmeOrderEvent, type="acme.order.created", title="ACME order: {name}"):
    """An ACME client ordered a certificate."""

    account: str
    profile: str
    identifiers: Sequence[str]
    replaces: str | None


@dataclass(frozen=True, kw_only=True)
class AcmeChallengeValidated(
    AcmeOrderEvent, type="acme.challenge.validated", title="ACME challenge validated: {name}"
):
    """An ACME client showed that it controls a name."""

    identifier: str
    challenge: str
    attempts: int


@dataclass(frozen=True, kw_only=True)
class AcmeChallengeFailed(
    AcmeOrderEvent,
    type="acme.challenge.failed",
    title="ACME challenge failed: {name}",
    severity=Severity.WARNING,
):
    """An ACME client did not show that it controls a name, so that its order is invalid."""

    identifier: str
    challenge: str
    problem: str
    detail: str
