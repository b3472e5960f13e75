"""Certificate authorities and the mirrors of their revocation lists."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.renewal import Advice
from certrail.domain.states import AuthorityStatus, MirrorStatus
from certrail.pki.revocation import Reason
from certrail_server.api import samples
from certrail_server.api.schemas.base import (
    Duration,
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Pem,
    Reference,
    Settings,
    Slug,
    Span,
    absent,
    examples,
)
from certrail_server.api.schemas.failures import FailureOut

WebFolder = Annotated[
    str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/~%-]*[A-Za-z0-9._:~%-]$", max_length=200)
]
Kind = Literal["root", "intermediate"]


class AuthorityIn(In):
    """An authority to create: a root, or an intermediate below `parent` or, without one, below an outside authority."""

    model_config = examples(
        {
            "slug": "issuing",
            "name": "Issuing CA",
            "subject": {"common_name": "Example Issuing CA", "organization": "Example Ltd", "country": "DE"},
            "kind": "intermediate",
            "parent": "root",
            "key_algorithm": "EC_P384",
            "lifetime": "1825d",
            "max_path_length": 0,
        }
    )

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    subject: Subject = Field(description="Distinguished name.")
    kind: Kind = Field(default="root", description="Whether it signs its own certificate.")
    parent: Reference | None = Field(
        default=None,
        description="Slug or id of the authority that signs an intermediate; null for an outside one.",
    )
    key_algorithm: KeyAlgorithm = Field(default=KeyAlgorithm.EC_P256, description="Algorithm of its key.")
    lifetime: Duration | None = Field(default=None, description="Of its certificate; null for the usual one.")
    max_path_length: int | None = Field(
        default=None,
        ge=0,
        le=10,
        description="How many authorities may follow below it; null for any number. Left out, it is null for a root"
        " and 0 for an intermediate.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "root" and self.parent:
            raise ValueError("a root has no parent; choose the kind intermediate")
        if self.kind == "intermediate" and not self.parent and self.lifetime:
            raise ValueError("whoever signs the request decides the lifetime; leave it out")
        return self


class CaCertificateIn(In):
    """What another authority signed."""

    model_config = examples({"certificate": samples.ISSUED_ELSEWHERE, "chain": samples.ISSUED_BY})

    certificate: Pem = Field(description="The certificate, PEM.")
    chain: Pem = Field(default="", description="All above it up to its root, PEM.")


class CaRenewalIn(In):
    """How to renew an authority."""

    model_config = examples({"new_key": True, "lifetime": "3650d"})

    new_key: bool = Field(default=False, description="Whether it gets a new key.")
    lifetime: Duration | None = Field(
        default=None, description="Of the new certificate; null for the present one's."
    )


class AuthorityChangeIn(Patch):
    """What to change of an authority."""

    model_config = examples(
        {"slug": "root-1", "name": "First root", "enabled": True, "renewals_per_minute": 120},
        {"renewals_per_minute": None},
    )

    slug: Slug = absent(description="Unique name.")
    name: Name = absent(description="Name for people.")
    enabled: bool = absent(description="False stops it from signing.")
    renewals_per_minute: int | None = Field(
        default=None, ge=1, le=100_000, description="Limit of automatic renewals; null for any number."
    )


class CaRevocationIn(In):
    """Why an authority is revoked."""

    model_config = examples({"reason": "cessationOfOperation"})

    reason: Reason = Field(
        default=Reason.UNSPECIFIED,
        description="Reason code (RFC 5280 section 5.3.1); `certificateHold` is refused.",
    )


class RenewalInfoIn(In, Advice):
    """When to replace what an authority has issued by now (RFC 9773)."""

    model_config = examples(
        {
            "begins": "2099-03-01T06:00:00Z",
            "ends": "2099-03-03T06:00:00Z",
            "explanation": "https://ca.example.com/incidents/7",
        }
    )


class CaCertificateOut(Out):
    """One version of an authority's own certificate."""

    id: Id = Field(description="Id of the version.")
    created_at: datetime = Field(description="When it was made or installed.")
    version: int = Field(description="Counts from 1.")
    active: bool = Field(description="Whether the authority signs with it now.")
    pem: str = Field(description="The certificate, PEM.")
    chain: list[str] = Field(description="All above it up to the root, PEM, the issuer first.")
    serial: str = Field(description="Serial number, lower-case hex.")
    fingerprint: str = Field(description="SHA-256 of the DER encoding, hex.")
    not_before: datetime = Field(description="Start of the validity period.")
    not_after: datetime = Field(description="End of the validity period.")
    revoked_at: datetime | None = Field(description="When it was revoked by the authority above it here.")
    revocation_reason: Reason | None = Field(description="Why (RFC 5280 section 5.3.1).")


class RenewalInfoOut(Out):
    """The window in which an authority advises to renew (RFC 9773)."""

    begins: datetime = Field(description="Start of the window.")
    ends: datetime = Field(description="End of the window.")
    explanation: str = Field(description="Why, for people.")
    issued_before: datetime = Field(description="Concerns certificates issued before.")


class AuthorityOut(Out):
    """A certificate authority; its private key never leaves."""

    id: Id = Field(description="Id of the authority.")
    created_at: datetime = Field(description="When it was created.")
    slug: str = Field(description="Unique name.")
    name: str = Field(description="Name for people.")
    kind: Kind = Field(description="Where its certificate comes from.")
    status: AuthorityStatus = Field(description="Whether it signs.")
    enabled: bool = Field(description="Whether it may sign.")
    parent_id: Id | None = Field(description="Id of the authority above it, if that is here.")
    parent: str | None = Field(description="Slug of the authority above it, if that is here.")
    subject: Subject = Field(description="Distinguished name.")
    key_algorithm: KeyAlgorithm | str = Field(description="Algorithm of the key that it signs with now.")
    lifetime: Span | None = Field(description="Of its present certificate; null while there is none.")
    max_path_length: int | None = Field(description="How many authorities may follow below it.")
    renewals_per_minute: int | None = Field(description="Limit of automatic renewals; null for any number.")
    renewal_info: RenewalInfoOut | None = Field(description="When it advises to renew what it has issued.")
    certificate: CaCertificateOut | None = Field(description="The version that it signs with.")


class AuthorityWithVersionsOut(AuthorityOut):
    """A certificate authority with all its versions."""

    certificates: list[CaCertificateOut] = Field(description="Every version, newest first.")


class AuthorityList(Listing[AuthorityOut]):
    """Certificate authorities, by slug."""


class CsrOut(Out):
    """A certificate signing request."""

    csr: str = Field(description="PKCS#10, PEM.")


class MirrorIn(In):
    """A destination that is to hold copies of an authority's revocation lists."""

    model_config = examples(
        {
            "slug": "web-server",
            "destination": "files",
            "connection": "folder",
            "config": {"directory": "crl", "certificate_mode": "0640"},
            "url": "https://crl.example.com/lists",
        }
    )

    slug: Slug = Field(description="Unique name at the authority.")
    destination: Reference = Field(description="Name of the destination plugin.")
    connection: Reference | None = Field(default=None, description="Slug or id of the connection to use.")
    config: Settings = Field(default_factory=dict, description="Configuration of the plugin.")
    url: WebFolder | None = Field(
        default=None,
        description="Where others find the copies, without a slash at its end; certificates issued from then on name"
        " it.",
    )


class CrlCopyOut(Out):
    """The state of one revocation list at one mirror."""

    id: Id = Field(description="Id of the copy.")
    created_at: datetime = Field(description="When it was first wanted.")
    crl_id: Id = Field(description="Id of the revocation list.")
    object_name: str = Field(description="Name of the file.")
    status: MirrorStatus = Field(description="Whether it is there.")
    number: int | None = Field(description="CRL number of the list that is there.")
    attempts: int = Field(description="Attempts so far.")
    last_error: FailureOut | None = Field(description="The last failed attempt.")
    next_try_at: datetime | None = Field(description="When the next attempt is due.")
    published_at: datetime | None = Field(description="When it was published last.")


class MirrorOut(Out):
    """A destination that holds copies of an authority's revocation lists."""

    id: Id = Field(description="Id of the mirror.")
    created_at: datetime = Field(description="When it was created.")
    ca_id: Id = Field(description="Id of the authority.")
    slug: str = Field(description="Unique name at the authority.")
    destination: str = Field(description="Name of the destination plugin.")
    connection_id: Id | None = Field(description="Id of the connection.")
    connection: str | None = Field(description="Slug of the connection.")
    config: dict[str, Any] = Field(description="Configuration of the plugin, its secrets masked.")
    url: str | None = Field(description="Where others find the copies.")
    copies: list[CrlCopyOut] = Field(description="The state of every revocation list there.")


class MirrorList(Listing[MirrorOut]):
    """Mirrors, by slug."""
