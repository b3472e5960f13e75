"""The objects of a project export, one model an object kind."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from certrail.domain.access import Role
from certrail.domain.renewal import RenewalRule
from certrail.domain.search import Serial
from certrail.domain.states import CertificateStatus
from certrail.domain.timestamps import Timestamp
from certrail.domain.windows import Window
from certrail.persistence.tables.delivery import GRACE_SECONDS
from certrail.pki.revocation import Reason
from certrail.services.migration.types import (
    MAX_CERTIFICATES,
    MAX_OBJECTS,
    Email,
    Identifier,
    Interval,
    Lifetime,
    Metadata,
    Name,
    NamePatterns,
    Part,
    Pem,
    PluginConfig,
    PrivateKeyPem,
    Reference,
    References,
    Slug,
)

MAX_CRL_NUMBER = 2**53
"""The largest integer that every JSON reader keeps exactly (RFC 8259 section 6)."""


class Project(Part):
    """The project that was exported."""

    slug: Slug
    name: Name


class Member(Part):
    """A principal with a role in the project. A group lists its members, which precede it in the file."""

    kind: Literal["user", "group", "machine"]
    slug: Slug
    name: Name
    email: Email | None = None
    role: Role | None = None
    members: References = Field(default_factory=list)


class RevokedSerial(Part):
    """A CRL entry (RFC 5280 section 5.1.2.6) whose certificate is not in the export."""

    serial: Serial
    revoked_at: AwareDatetime
    reason: Reason = Reason.UNSPECIFIED
    not_after: AwareDatetime | None = Field(
        default=None,
        description="Expiry of the certificate, after which the entry is dropped. Without it, the entry stays"
        " until the CA certificate expires.",
    )


class Authority(Part):
    """A certificate authority with its private key (PKCS#8 PEM, unencrypted) and its revocations.

    Revoked certificates of the export itself are added to `revoked` by the loader.
    """

    slug: Slug
    name: Name
    certificate: Pem
    chain: Pem = ""
    private_key: PrivateKeyPem
    crl_number: int | None = Field(
        default=None, ge=0, le=MAX_CRL_NUMBER, description="CRL number of the last published list."
    )
    revoked: Annotated[list[RevokedSerial], Field(max_length=MAX_CERTIFICATES)] = Field(default_factory=list)


class Policy(Part):
    """A certificate policy."""

    slug: Slug
    name: Name
    rules: PluginConfig = Field(default_factory=dict)


class MethodEnrollment(Part):
    """Whether an enrollment method was enabled."""

    enabled: bool


class ApiEnrollment(MethodEnrollment):
    """Enrollment by API, with the rule of automatic renewal."""

    auto_renew: RenewalRule | None = None


class ProfileEnrollment(Part):
    """Enrollment of a profile in the legacy scope, by method; a method left out was never configured."""

    api: ApiEnrollment | None = None
    acme: MethodEnrollment | None = None
    est: MethodEnrollment | None = None
    scep: MethodEnrollment | None = None


class Profile(Part):
    """A certificate profile; `ca` is an authority's slug, `policy` a certificate policy's."""

    slug: Slug
    name: Name
    issuer_type: Literal["ca", "self-signed"] = "ca"
    ca: Reference | None = None
    policy: Reference
    ttl: Lifetime
    defaults: PluginConfig = Field(default_factory=dict)
    enrollment: ProfileEnrollment


class Connection(Part):
    """Credentials for an external system."""

    slug: Slug
    name: Name
    type: Reference
    config: PluginConfig
    expires_at: Timestamp | None = None
    max_per_minute: int | None = Field(default=None, ge=1, le=100_000)


class Channel(Part):
    """A notification channel."""

    slug: Slug
    name: Name
    notifier: Reference
    connection: Reference | None = None
    config: PluginConfig = Field(default_factory=dict)
    quiet_hours: Annotated[list[Window], Field(max_length=10)] = Field(default_factory=list)
    digest: Interval | None = None
    fallback: Reference | None = None
    product_wide: bool = False


class ApprovalStep(Part):
    """One step of an approval policy."""

    name: Name
    approvers: Annotated[list[Reference], Field(min_length=1, max_length=100)]
    quorum: int = Field(default=1, ge=1, le=100)
    channels: References = Field(default_factory=list)


class RenewalPreapproval(Part):
    """How many renewals of the same content one approval covers, and for how many days."""

    renewals: int = Field(ge=0, le=1000)
    days: int = Field(ge=1, le=3650)


class ApprovalPolicy(Part):
    """An approval policy."""

    slug: Slug
    name: Name
    profiles: Annotated[list[Reference], Field(min_length=1, max_length=100)]
    steps: Annotated[list[ApprovalStep], Field(min_length=1, max_length=10)]
    request_ttl: Lifetime | None = None
    reminder: Lifetime | None = None
    allow_self_approval: bool = False
    bypass_machine_identities: bool = False
    renewal_preapproval: RenewalPreapproval | None = None


class StatusInFile(StrEnum):
    """Of a certificate in the file; that one is superseded follows from `renewed_by`."""

    ACTIVE = CertificateStatus.ACTIVE
    HELD = CertificateStatus.HELD
    REVOKED = CertificateStatus.REVOKED


class Certificate(Part):
    """A certificate. `id` is that of the older project; other parts of the export refer to it.

    A renewed certificate is superseded by `renewed_by`. Expiry is read from the certificate itself.
    """

    id: Identifier
    certificate: Pem
    chain: Pem = ""
    private_key: PrivateKeyPem | None = None
    profile: Reference | None = None
    metadata: Metadata = Field(default_factory=dict)
    status: StatusInFile = StatusInFile.ACTIVE
    revoked_at: AwareDatetime | None = None
    revocation_reason: Reason | None = None
    renewed_by: Identifier | None = Field(
        default=None, description="The `id` of the certificate that replaced it."
    )
    auto_renew: bool | None = Field(
        default=None,
        description="Overrides the profile's rule of automatic renewal; without it the rule applies.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.status is StatusInFile.ACTIVE) != (self.revoked_at is None):
            raise ValueError("revoked_at is given with the status revoked or held, and only then")
        if self.status is StatusInFile.ACTIVE and self.revocation_reason is not None:
            raise ValueError("an active certificate has no revocation_reason")
        on_hold = self.revocation_reason is Reason.CERTIFICATE_HOLD
        if on_hold != (self.status is StatusInFile.HELD) and self.revocation_reason is not None:
            raise ValueError("the status held and the revocation_reason certificateHold belong together")
        return self

    def reason(self) -> Reason:
        """The reason code of its CRL entry (RFC 5280 section 5.3.1)."""
        default = Reason.CERTIFICATE_HOLD if self.status is StatusInFile.HELD else Reason.UNSPECIFIED
        return self.revocation_reason or default


class SyncSelection(Part):
    """Which certificates a sync selects; empty selects every certificate of the project."""

    certificates: Annotated[list[Identifier], Field(max_length=MAX_OBJECTS)] = Field(default_factory=list)
    profiles: References = Field(default_factory=list)
    names: NamePatterns = Field(default_factory=list)
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)


class DeliveredObject(Part):
    """A certificate that a sync has delivered; `reference` is the destination's own name of it, such as an ARN."""

    certificate: Identifier
    object_name: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    reference: Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class Sync(Part):
    """A sync, with the objects that it has delivered: these are updated in place, never created a second time."""

    slug: Slug
    name: Name
    destination: Reference
    connection: Reference | None = None
    config: PluginConfig = Field(default_factory=dict)
    selection: SyncSelection = Field(default_factory=SyncSelection)
    name_schema: Annotated[str, StringConstraints(max_length=256)] | None = None
    include_root: bool = False
    keep_identity: bool = True
    auto: bool = True
    prune: bool = False
    prune_grace_seconds: Annotated[int, Field(ge=0, le=366 * 86400)] = GRACE_SECONDS
    delivered: Annotated[list[DeliveredObject], Field(max_length=MAX_CERTIFICATES)] = Field(
        default_factory=list
    )


class AlertFilters(Part):
    """Which certificates an alert concerns; empty is every certificate of the project."""

    profiles: References = Field(default_factory=list)
    names: NamePatterns = Field(default_factory=list)
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)


class EscalationStep(Part):
    """Channels that are notified when an incident is open and unacknowledged for that long."""

    after: Lifetime
    channels: Annotated[list[Reference], Field(min_length=1, max_length=10)]


class Alert(Part):
    """An alert."""

    slug: Slug
    name: Name
    events: Annotated[list[str], Field(min_length=1, max_length=50)]
    channels: Annotated[list[Reference], Field(min_length=1, max_length=10)]
    filters: AlertFilters = Field(default_factory=AlertFilters)
    thresholds: Annotated[list[Lifetime], Field(max_length=20)] = Field(default_factory=list)
    daily_reminder: bool = False
    escalation: Annotated[list[EscalationStep], Field(max_length=5)] = Field(default_factory=list)
    product_wide: bool = False
    enabled: bool = True
