"""Events of certificate requests and of the certificates that they, or an import, add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TypedDict

from certrail.domain.events.base import Event, Facts
from certrail.domain.events.inventory import LineageEvent
from certrail_sdk import Severity, Stage


class RequestEvent(Event, subject="request"):
    """About one certificate request."""


class RequestedFacts(TypedDict):
    """What is said of a request whether it was accepted or refused.

    Attributes:
        renews: the id of the certificate that it would replace.
    """

    common_name: str | None
    dns_names: Sequence[str]
    renews: str | None
    lineage_id: str | None


@dataclass(frozen=True, kw_only=True)
class RequestCreated(
    RequestEvent, type="request.created", title="Certificate requested: {name}", alertable=True
):
    """A certificate was requested."""

    profile: str
    status: str
    digest: str
    common_name: str | None
    dns_names: Sequence[str]
    renews: str | None
    lineage_id: str | None


@dataclass(frozen=True, kw_only=True)
class RequestRefused(
    Event,
    type="request.refused",
    title="Certificate request refused: {name}",
    subject="profile",
    severity=Severity.WARNING,
    alertable=True,
):
    """The certificate policy denied a request, so that there is none."""

    profile: str
    common_name: str | None
    dns_names: Sequence[str]
    renews: str | None
    lineage_id: str | None
    violations: Sequence[Facts]


@dataclass(frozen=True, kw_only=True)
class RequestTransition(RequestEvent):
    """Base of the events of a request's status; `before` is the former one."""

    before: str
    reason: str | None
    common_name: str | None


@dataclass(frozen=True, kw_only=True)
class RequestPendingApproval(
    RequestTransition, type="request.pending_approval", title="Request waits for approval: {name}"
):
    """The request waits for approval again."""


@dataclass(frozen=True, kw_only=True)
class RequestApproved(RequestTransition, type="request.approved", title="Request approved: {name}"):
    """The request may be signed."""


@dataclass(frozen=True, kw_only=True)
class RequestIssuing(RequestTransition, type="request.issuing", title="Request ordered: {name}"):
    """The request was ordered at a signer that answers later."""


@dataclass(frozen=True, kw_only=True)
class RequestRejected(RequestTransition, type="request.rejected", title="Request rejected: {name}"):
    """An approver rejected the request."""


@dataclass(frozen=True, kw_only=True)
class RequestExpired(RequestTransition, type="request.expired", title="Request expired: {name}"):
    """Nobody decided in time."""


@dataclass(frozen=True, kw_only=True)
class RequestCancelled(RequestTransition, type="request.cancelled", title="Request cancelled: {name}"):
    """The request was cancelled."""


@dataclass(frozen=True, kw_only=True)
class RequestIssued(RequestTransition, type="request.issued", title="Request issued: {name}"):
    """The request's certificate was issued."""


@dataclass(frozen=True, kw_only=True)
class RequestFailed(
    RequestTransition,
    type="request.failed",
    title="Issuance failed: {name}",
    severity=Severity.CRITICAL,
    alertable=True,
):
    """The request cannot be issued."""


REQUEST_TRANSITIONS: Mapping[str, type[RequestTransition]] = MappingProxyType(
    {cls.event_type.removeprefix("request."): cls for cls in RequestTransition.__subclasses__()}
)
"""The event of each status that a request can get."""


class CertificateFacts(TypedDict):
    """The fields that every `CertificateAdded` has."""

    subject_id: str
    application_id: str | None
    lineage_id: str
    common_name: str | None
    dns_names: Sequence[str]
    serial: str
    fingerprint: str
    not_after: datetime
    profile: str | None
    profile_id: str | None


@dataclass(frozen=True, kw_only=True)
class CertificateAdded(LineageEvent):
    """Base of the events of a new certificate in the inventory."""

    dns_names: Sequence[str]
    serial: str
    fingerprint: str
    not_after: datetime
    profile: str | None
    profile_id: str | None


@dataclass(frozen=True, kw_only=True)
class CertificateIssued(
    CertificateAdded, type="certificate.issued", title="Certificate issued: {name}", alertable=True
):
    """A first certificate was issued."""

    request_id: str


@dataclass(frozen=True, kw_only=True)
class CertificateRenewed(
    CertificateAdded,
    type="certificate.renewed",
    title="Certificate renewed: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """A certificate was issued that replaces the one with the id `supersedes`."""

    request_id: str
    supersedes: str


@dataclass(frozen=True, kw_only=True)
class CertificateImported(
    CertificateAdded, type="certificate.imported", title="Certificate imported: {name}", alertable=True
):
    """A certificate that was issued elsewhere was added."""

    with_key: bool
    status: str


@dataclass(frozen=True, kw_only=True)
class CertificateAdopted(
    CertificateAdded, type="certificate.adopted", title="Certificate taken over: {name}"
):
    """A migrated certificate was added with its history."""

    with_key: bool
    status: str


@dataclass(frozen=True, kw_only=True)
class CertificateImportRefused(
    Event,
    type="certificate.import_refused",
    title="Certificate import refused: {name}",
    subject="application",
    severity=Severity.WARNING,
    alertable=True,
):
    """The certificate policy of the profile denied an import."""

    common_name: str | None
    dns_names: Sequence[str]
    fingerprint: str
    profile: str | None
    violations: Sequence[Facts]
