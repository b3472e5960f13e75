"""Certificate policies and certificate profiles."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field, model_serializer

from certrail.domain.content import BasicConstraints, KeyAlgorithm, Sans, SignatureAlgorithm, Subject
from certrail.domain.enrollment import AcmeSettings
from certrail.domain.policy import PolicyRules
from certrail.domain.renewal import RenewalRule
from certrail.persistence.tables import CertificateProfile
from certrail_server.api.enrollment.schemas import (
    AcmeEnrollmentIn,
    AcmeMethodOut,
    EstEnrollmentIn,
    EstMethodOut,
    ScepEnrollmentIn,
    ScepMethodOut,
)
from certrail_server.api.schemas.base import (
    Duration,
    Id,
    In,
    Listing,
    Name,
    Out,
    Patch,
    Reference,
    Slug,
    absent,
    examples,
    span,
)
from certrail_server.api.schemas.requests import ExtendedKeyUsages, KeyUsages

IssuerType = Literal["ca", "self-signed"]


class CertificatePolicyIn(In):
    """A certificate policy to create."""

    model_config = examples(
        {
            "slug": "internal-tls",
            "name": "Internal TLS",
            "rules": {
                "subject": {
                    "required": {"organization": "Example Ltd"},
                    "allowed": {"common_name": ["*.example.com"], "country": ["DE", "FR"]},
                },
                "sans": {"dns": {"allowed": ["*.example.com"], "denied": ["*.admin.example.com"]}},
                "key_usages": {"required": ["digitalSignature"], "allowed": ["keyEncipherment"]},
                "extended_key_usages": {"required": ["serverAuth"], "allowed": ["clientAuth"]},
                "key_algorithms": ["EC_P256", "EC_P384"],
                "signature_algorithms": ["ECDSA_SHA256"],
                "max_ttl": "90d",
                "basic_constraints": {"ca": "forbidden"},
            },
        }
    )

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    rules: PolicyRules = Field(
        default_factory=PolicyRules, description="What may be requested; a section left out allows anything."
    )

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        return self.model_dump(mode="json", exclude_none=True)


class CertificatePolicyChangeIn(Patch):
    """What to change of a certificate policy."""

    model_config = examples(
        {
            "slug": "public-tls",
            "name": "Public TLS",
            "rules": {"sans": {"dns": {"allowed": ["*.example.com"]}}, "max_ttl": "47d"},
        }
    )

    slug: Slug = absent(description="Unique name.")
    name: Name = absent(description="Name for people.")
    rules: PolicyRules = absent(description="Replaces the rules as a whole.")

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.changes()
        return given | ({"rules": self.rules.model_dump(mode="json")} if "rules" in given else {})


class CertificatePolicyOut(Out):
    """What may be requested."""

    id: Id = Field(description="Id of the policy.")
    created_at: datetime = Field(description="When it was created.")
    slug: str = Field(description="Unique name.")
    name: str = Field(description="Name for people.")
    version: int = Field(description="Counts changes of the rules.")
    rules: PolicyRules = Field(description="What may be requested; a section that is null allows anything.")


class CertificatePolicyList(Listing[CertificatePolicyOut]):
    """Certificate policies, by slug."""


class ApiMethodIn(In):
    """Enrollment through the API, and how certificates are renewed automatically."""

    enabled: bool = Field(description="Whether it may be used.")
    auto_renew: RenewalRule = absent("How certificates are renewed automatically.")


class LegacyEnrollmentIn(Patch):
    """By which methods a profile of the legacy scope may be used; a method that is left out is kept."""

    api: ApiMethodIn = absent("Enrollment through the API.")
    acme: AcmeEnrollmentIn = absent("Enrollment by ACME.")
    est: EstEnrollmentIn = absent("Enrollment by EST.")
    scep: ScepEnrollmentIn = absent("Enrollment by SCEP.")

    @model_serializer
    def _given(self) -> dict[str, dict[str, Any]]:
        given: dict[str, Any] = self.changes()
        return {
            name: method.model_dump(mode="json", exclude_unset=True, exclude_none=True)
            | {"enabled": method.enabled}
            for name, method in given.items()
        }


class ProfileDefaults(In):
    """What a request gets that does not say it itself."""

    subject: Subject | None = Field(default=None, description="Attributes of the subject.")
    sans: Sans | None = Field(default=None, description="Subject alternative names by type.")
    key_algorithm: KeyAlgorithm | None = Field(default=None, description="Algorithm of the key.")
    signature_algorithm: SignatureAlgorithm | None = Field(
        default=None, description="The signature insisted on."
    )
    basic_constraints: BasicConstraints | None = Field(
        default=None, description="For certificates of authorities."
    )
    key_usages: KeyUsages | None = Field(default=None, description="Key usages.")
    extended_key_usages: ExtendedKeyUsages | None = Field(
        default=None, description="Extended key usages, names or OIDs."
    )


class CertificateProfileIn(In):
    """A certificate profile to create."""

    model_config = examples(
        {
            "slug": "edge",
            "name": "Edge servers",
            "issuer_type": "ca",
            "ca": "root",
            "policy": "tls",
            "ttl": "30d",
            "defaults": {
                "subject": {"organization": "Example Ltd", "country": "DE"},
                "sans": {"dns": ["edge.example.com"]},
                "key_algorithm": "EC_P384",
                "signature_algorithm": "ECDSA_SHA256",
                "basic_constraints": {"ca": False},
                "key_usages": ["digitalSignature"],
                "extended_key_usages": ["serverAuth"],
            },
        }
    )

    slug: Slug = Field(description="Unique name.")
    name: Name = Field(description="Name for people.")
    issuer_type: IssuerType = Field(default="ca", description="Who signs.")
    ca: Reference | None = Field(
        default=None, description="Slug or id of the authority that signs; null for self-signed certificates."
    )
    policy: Reference = Field(description="Slug or id of the certificate policy.")
    ttl: Duration = Field(description="Lifetime of certificates that do not say theirs.")
    defaults: ProfileDefaults = Field(
        default_factory=ProfileDefaults, description="What a request gets that does not say it itself."
    )

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        return {
            **self.model_dump(exclude={"defaults"}),
            "defaults": self.defaults.model_dump(mode="json", exclude_unset=True, exclude_none=True),
        }


class CertificateProfileChangeIn(Patch):
    """What to change of a certificate profile."""

    model_config = examples(
        {
            "slug": "servers",
            "name": "Servers",
            "ca": "root",
            "policy": "tls",
            "ttl": "30d",
            "defaults": {"subject": {"organization": "Example Ltd"}, "key_algorithm": "EC_P256"},
        },
        {"legacy_enrollment": {"api": {"enabled": True, "auto_renew": {"before": "15d"}}}},
    )

    slug: Slug = absent(description="Unique name.")
    name: Name = absent(description="Name for people.")
    ca: Reference | None = Field(default=None, description="Slug or id of the authority that signs.")
    policy: Reference = absent(description="Slug or id of the certificate policy.")
    ttl: Duration = absent(description="Lifetime of certificates that do not say theirs.")
    defaults: ProfileDefaults = absent(description="Replaces the defaults as a whole.")
    legacy_enrollment: LegacyEnrollmentIn = absent(
        description="Only of a profile that was imported with enrollment of its own."
    )

    def values(self) -> dict[str, Any]:
        """As the service takes it."""
        given = self.model_dump(exclude_unset=True)
        if "defaults" in given:
            given["defaults"] = self.defaults.model_dump(mode="json", exclude_unset=True, exclude_none=True)
        return given


class MethodOut(Out):
    """A way to enroll."""

    enabled: bool = Field(description="Whether it may be used.")


class ApiMethodOut(MethodOut):
    """Enrollment through the API."""

    auto_renew: RenewalRule = Field(description="How certificates are renewed automatically.")


class LegacyEnrollmentOut(Out):
    """By which methods a profile of the legacy scope may be used."""

    api: ApiMethodOut | None = Field(description="Enrollment through the API.")
    acme: AcmeMethodOut | None = Field(description="Enrollment by ACME.")
    est: EstMethodOut | None = Field(description="Enrollment by EST.")
    scep: ScepMethodOut | None = Field(description="Enrollment by SCEP.")

    @classmethod
    def about(cls, stored: Mapping[str, Any]) -> Self:
        """From what is stored."""
        given = {name: stored.get(name) for name in cls.model_fields}
        if given["api"] is not None:
            given["api"] = {"auto_renew": {}, **given["api"]}
        if given["acme"] is not None:
            given["acme"] = {**AcmeSettings().model_dump(mode="json"), **given["acme"]}
        return cls.model_validate(given)


class CertificateProfileOut(Out):
    """One authority, one policy and defaults: what a certificate looks like."""

    id: Id = Field(description="Id of the profile.")
    created_at: datetime = Field(description="When it was created.")
    slug: str = Field(description="Unique name.")
    name: str = Field(description="Name for people.")
    version: int = Field(description="Counts changes that matter to open approvals.")
    issuer_type: IssuerType = Field(description="Who signs.")
    ca_id: Id | None = Field(description="Id of the authority that signs.")
    ca: str | None = Field(description="Slug of the authority that signs.")
    policy_id: Id = Field(description="Id of the certificate policy.")
    policy: str = Field(description="Slug of the certificate policy.")
    ttl: Duration = Field(description="Lifetime of certificates that do not say theirs.")
    defaults: ProfileDefaults = Field(description="What a request gets that does not say it itself.")
    legacy_enrollment: LegacyEnrollmentOut | None = Field(
        description="By which methods it may be used in the legacy scope; null for not at all."
    )

    @classmethod
    def about(cls, row: CertificateProfile, legacy: Mapping[str, Any] | None, **named: Any) -> Self:
        """From a row, its enrollment in the legacy scope by method, and the names of what it points to."""
        return cls.of(
            row,
            ttl=span(row.ttl_seconds),
            legacy_enrollment=LegacyEnrollmentOut.about(legacy) if legacy is not None else None,
            **named,
        )


class CertificateProfileList(Listing[CertificateProfileOut]):
    """Certificate profiles, by slug."""
