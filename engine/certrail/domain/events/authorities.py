"""Events of certificate authorities, their lists (RFC 5280) and the mirrors of these."""

from dataclasses import dataclass
from datetime import datetime

from certrail.domain.events.base import Event, Facts
from certrail_sdk import Severity, Stage


class CaEvent(Event, subject="ca", shared=True):
    """About one certificate authority."""


class CrlMirrorEvent(Event, subject="crl_mirror", shared=True):
    """About one destination to which the lists of an authority are copied."""


@dataclass(frozen=True, kw_only=True)
class CaCreated(CaEvent, type="ca.created", title="Certificate authority created: {name}"):
    """An authority was created; `kind` is `root` or `intermediate`."""

    slug: str
    kind: str
    parent_id: str | None


@dataclass(frozen=True, kw_only=True)
class CaUpdated(CaEvent, type="ca.updated", title="Certificate authority changed: {name}"):
    """Slug, name or status changed."""

    before: Facts
    after: Facts


@dataclass(frozen=True, kw_only=True)
class CaDeleted(CaEvent, type="ca.deleted", title="Certificate authority deleted: {name}"):
    """An authority that nothing depends on was deleted."""

    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CaCertificateInstalled(
    CaEvent,
    type="ca.certificate_installed",
    title="Certificate authority has a new certificate: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """An authority signs with another certificate from now on."""

    slug: str
    version: int
    serial: str
    fingerprint: str
    not_after: datetime


@dataclass(frozen=True, kw_only=True)
class CaRevoked(
    CaEvent,
    type="ca.revoked",
    title="Certificate authority revoked: {name}",
    severity=Severity.CRITICAL,
    alertable=True,
):
    """A certificate of an intermediate was revoked, and with it all below; reason as in RFC 5280 section 5.3.1."""

    slug: str
    version: int
    serial: str
    revocation_reason: str


@dataclass(frozen=True, kw_only=True)
class CaRenewalRequested(
    CaEvent, type="ca.renewal_requested", title="Certificate authority to be renewed: {name}"
):
    """An authority that is signed elsewhere waits for its next certificate."""

    slug: str
    new_key: bool


@dataclass(frozen=True, kw_only=True)
class CaRenewalAdvised(CaEvent, type="ca.renewal_advised", title="Renewals advised by: {name}"):
    """Everything that the authority has issued is to be replaced within a window; ``None`` withdraws it."""

    slug: str
    advice: Facts | None


@dataclass(frozen=True, kw_only=True)
class CaExpiring(
    CaEvent,
    type="ca.expiring",
    title="Certificate authority ends soon: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """An authority's certificate has passed a warning threshold; `remaining` in words."""

    slug: str
    version: int
    serial: str
    action: str
    not_after: datetime
    remaining: str


@dataclass(frozen=True, kw_only=True)
class CrlPublished(CaEvent, type="ca.crl_published", title="Revocation list signed: {name}"):
    """A revocation list was signed; `number` is its CRL number (RFC 5280 section 5.2.3)."""

    slug: str
    number: int
    entries: int


@dataclass(frozen=True, kw_only=True)
class OcspSignerMade(CaEvent, type="ca.ocsp_signer_made", title="OCSP signer made: {name}"):
    """A delegated OCSP responder (RFC 6960 section 4.2.2.2) got a new certificate."""

    serial: str


@dataclass(frozen=True, kw_only=True)
class CrlMirrorCreated(CrlMirrorEvent, type="crl_mirror.created", title="CRL mirror created: {name}"):
    """The lists of an authority are copied to one more destination."""

    ca: str
    slug: str
    url: str | None


@dataclass(frozen=True, kw_only=True)
class CrlMirrorDeleted(CrlMirrorEvent, type="crl_mirror.deleted", title="CRL mirror deleted: {name}"):
    """Nothing is copied there any more; `left_behind` names what stays."""

    slug: str
    left_behind: list[str]


@dataclass(frozen=True, kw_only=True)
class CrlMirrorRetried(CrlMirrorEvent, type="crl_mirror.retried", title="CRL mirror tried again: {name}"):
    """Publishing is tried again, by hand."""

    slug: str


@dataclass(frozen=True, kw_only=True)
class CrlMirrorPublished(
    CrlMirrorEvent,
    type="crl_mirror.published",
    title="Revocation list published: {name}",
    stage=Stage.CLOSED,
    alertable=True,
):
    """The destination holds the list with this number."""

    slug: str
    number: int
    reference: str


@dataclass(frozen=True, kw_only=True)
class CrlMirrorFailed(
    CrlMirrorEvent,
    type="crl_mirror.failed",
    title="Revocation list not published: {name}",
    severity=Severity.CRITICAL,
    stage=Stage.OPEN,
    alertable=True,
):
    """A list could not be copied: the first failed try, and the final one."""

    slug: str
    kind: str
    message: str
    action: str
    permanent: bool
