"""What comes in at the product level: authorities, policies, profiles and connections."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_serializer, model_validator

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.renewal import RenewalRule
from certrail.domain.timestamps import Timestamp
from certrail_server.api.schemas.base import Duration, In, Name, Pem, Reference, Settings, Slug

WebFolder = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9._:/~%-]+$", max_length=200)]


class AuthorityIn(In):
    """An authority to make: a root, or an intermediate below `parent` or, without one, below somebody else's."""

    slug: Slug
    name: Name
    subject: Subject
    kind: Literal["root", "intermediate"] = "root"
    parent: Reference | None = None
    key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256
    lifetime: Duration | None = None
    max_path_length: int | None = Field(default=None, ge=0, le=10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.kind == "root" and self.parent:
            raise ValueError("a root has no parent; choose the kind intermediate")
        if self.kind == "intermediate" and not self.parent and self.lifetime:
            raise ValueError("whoever signs the request decides the lifetime; leave it out")
        return self


class CaCertificateIn(In):
    """What another authority signed: the certificate, and all above it up to its root, PEM."""

    certificate: Pem
    chain: Pem = ""


class CaRenewalIn(In):
    """How to renew an authority."""

    new_key: bool = False
    lifetime: Duration | None = None


class AuthorityChangeIn(In):
    """What to change of an authority; what is left out stays."""

    slug: Slug | None = None
    name: Name | None = None
    enabled: bool | None = None
    renewals_per_minute: int | None = Field(
        default=None, ge=0, le=100_000, description="by the clock; 0 for any number"
    )


class MirrorIn(In):
    """A destination that is to hold copies of an authority's revocation lists."""

    slug: Slug
    destination: Reference
    connection: Reference | None = None
    config: Settings = Field(default_factory=dict)
    url: WebFolder | None = Field(
        default=None, description="where others find the copies; certificates issued from then on name it"
    )


class PolicyIn(In):
    """A certificate policy to make."""

    slug: Slug
    name: Name
    rules: Settings = Field(default_factory=dict)


class PolicyChangeIn(In):
    """What to change of a policy; what is left out stays, rules are replaced as a whole."""

    slug: Slug | None = None
    name: Name | None = None
    rules: Settings | None = None


class Method(In):
    """A way to enroll, on or off."""

    enabled: bool


class ApiMethod(Method):
    """The API, and how certificates are renewed by themselves; a rule that is left out stays as it is."""

    auto_renew: RenewalRule | None = None


class LegacyEnrollment(In):
    """By which methods a profile of the older project is usable by itself; those left out stay as they are."""

    api: ApiMethod | None = None
    acme: Method | None = None
    est: Method | None = None
    scep: Method | None = None

    @model_serializer
    def _given(self) -> dict[str, dict[str, Any]]:
        methods = ((name, getattr(self, name)) for name in type(self).model_fields)
        given = {name: method for name, method in methods if method is not None}
        return {name: method.model_dump(mode="json", exclude_none=True) for name, method in given.items()}


class ProfileIn(In):
    """A certificate profile to make."""

    slug: Slug
    name: Name
    issuer_type: Literal["ca", "self-signed"] = "ca"
    ca: Reference | None = None
    policy: Reference
    ttl: Duration
    defaults: Settings = Field(default_factory=dict)


class ProfileChangeIn(In):
    """What to change of a profile; what is left out stays, defaults are replaced as a whole."""

    slug: Slug | None = None
    name: Name | None = None
    ca: Reference | None = None
    policy: Reference | None = None
    ttl: Duration | None = None
    defaults: Settings | None = None
    legacy_enrollment: LegacyEnrollment | None = None


PerMinute = Annotated[
    int | None,
    Field(ge=1, le=100_000, description="how many deliveries and removals it bears; null for any number"),
]


class ConnectionIn(In):
    """Credentials to store."""

    slug: Slug
    name: Name
    type: Reference
    config: Settings
    expires_at: Timestamp | None = Field(default=None, description="until when they are accepted, if known")
    max_per_minute: PerMinute = None


class ConnectionChangeIn(In):
    """New credentials; a masked value sent back stays as it was, and so do end and rate when they are left out."""

    config: Settings
    expires_at: Timestamp | None = None
    max_per_minute: PerMinute = None

    def changes(self) -> dict[str, Any]:
        """What is said of the end and of the rate."""
        return self.model_dump(include={"expires_at", "max_per_minute"} & self.model_fields_set)
