"""What comes in. Unknown members are refused, and every text and list has a limit."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from certrail.domain.access import Permission, ProductRole, Role
from certrail.domain.content import BasicConstraints, KeyAlgorithm, SignatureAlgorithm
from certrail.domain.durations import bounded, parse_duration, positive
from certrail.domain.errors import BadInput
from certrail.domain.renewal import RenewalOverride, RenewalRule
from certrail.domain.search import CertificateFilter
from certrail.persistence.tables.delivery import GRACE_SECONDS
from certrail.pki.parse import CertificateBundle, from_pem_text, from_pkcs12
from certrail.pki.revocation import Reason
from certrail.services.delivery.syncs import DEFAULT_NAME_SCHEMA
from certrail.services.inventory.selectors import Selection


def _no_id(slug: str) -> str:
    """Objects are found by slug or id, so no slug may be the id of another object."""
    if re.fullmatch(r"[0-9a-f]{32}", slug):
        raise ValueError("32 hexadecimal digits could be the id of another object; choose another slug")
    return slug


Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"), AfterValidator(_no_id)
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=320)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Patterns = Annotated[
    list[Pattern], Field(max_length=50, description="such as *.example.com: one fits one of its names")
]
Comment = Annotated[str, StringConstraints(max_length=2000)]
Span = Annotated[
    timedelta,
    BeforeValidator(lambda v: parse_duration(v) if isinstance(v, str) else v),
    AfterValidator(bounded),
    Field(
        description="Such as 36h, 47d or PT90M", json_schema_extra={"type": "string", "format": "duration"}
    ),
]
Duration = Annotated[Span, AfterValidator(positive)]
Pem = Annotated[str, StringConstraints(max_length=200_000)]
References = Annotated[list[Reference], Field(max_length=100)]
Settings = Annotated[dict[str, Any], Field(max_length=100)]


def has_nul(value: Any) -> bool:
    """Whether there is a NUL in a text, or anywhere inside a list or object."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(has_nul(part) for part in value)


class In(BaseModel):
    """Base of all inputs."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        """No database keeps the character NUL, and no name or text needs it."""
        if has_nul(value):
            raise ValueError("the character NUL is not allowed; remove it")
        return value


class PrincipalIn(In):
    """A user, group or machine identity to make."""

    slug: Slug
    name: Name
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)] | None = None
    product_role: ProductRole | None = None


class GroupIn(In):
    """A group to make."""

    slug: Slug
    name: Name
    members: References = Field(default_factory=list)


class ActiveIn(In):
    """Whether a principal may act."""

    active: bool


class PrincipalChangeIn(In):
    """What to change of a principal; what is left out stays."""

    name: Name | None = None
    product_role: ProductRole | None = None


class TokenIn(In):
    """A token to make. Without scopes it carries all that its owner may do."""

    principal: Reference
    name: Name
    scopes: Annotated[list[str], Field(max_length=len(Permission) * 2)] = Field(default_factory=list)
    lifetime: Duration | None = None


class RotationIn(In):
    """How long the present token holds beside the next one."""

    overlap: Span = timedelta(0)


class ApplicationIn(In):
    """An Application to make."""

    slug: Slug
    name: Name
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    profiles: References = Field(default_factory=list)


class ApplicationChangeIn(In):
    """What to change of an Application; what is left out stays."""

    slug: Slug | None = None
    name: Name | None = None
    description: Annotated[str, StringConstraints(max_length=2000)] | None = None


class MemberIn(In):
    """A role for a principal."""

    role: Role


class AttachIn(In):
    """A profile to attach."""

    profile: Reference


class RequestIn(In):
    """A certificate that is wanted. With a CSR, subject, names and key come from the CSR."""

    profile: Reference
    subject: Settings = Field(default_factory=dict)
    sans: dict[str, list[str]] = Field(default_factory=dict)
    key_algorithm: KeyAlgorithm | None = None
    signature_algorithm: SignatureAlgorithm | None = None
    csr: Annotated[str, StringConstraints(max_length=65536)] | None = None
    basic_constraints: BasicConstraints | None = None
    ttl: Duration | None = None
    key_usages: Annotated[list[str], Field(max_length=20)] = Field(default_factory=list)
    extended_key_usages: Annotated[list[str], Field(max_length=20)] = Field(default_factory=list)
    metadata: Annotated[dict[str, str], Field(max_length=50)] = Field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """The part that is judged, approved and signed; absent members are left to the profile, empty ones are not."""
        given = self.model_dump(exclude={"profile", "metadata", "ttl"}, exclude_unset=True)
        values = {name: value for name, value in given.items() if value is not None}
        return {**values, **({"ttl_seconds": int(self.ttl.total_seconds())} if self.ttl is not None else {})}


class SearchIn(CertificateFilter):
    """A search, and which page of it; what is given is added to what a view says."""

    view: Reference | None = None
    cursor: Annotated[str, StringConstraints(max_length=200)] | None = None
    limit: int = Field(default=50, ge=1, le=200)

    def wanted(self, view: Mapping[str, Any] | None = None) -> CertificateFilter:
        """What to look for. Raises BadInput when the view and what is given contradict each other."""
        given = self.model_dump(include=set(CertificateFilter.model_fields), exclude_unset=True)
        try:
            return CertificateFilter.model_validate({**(view or {}), **given})
        except ValidationError as err:
            faults = "; ".join(fault["msg"] for fault in err.errors())
            raise BadInput(f"Together with the view this cannot be searched. {faults}", "view") from None


class WideSearchIn(SearchIn):
    """A search of all Applications, or outside of them."""

    application: Literal["none"] | None = Field(
        default=None, description="`none`: only what belongs to no Application"
    )


class ViewIn(In):
    """A search to give a name to."""

    slug: Slug
    name: Name
    filter: CertificateFilter


class ViewChangeIn(In):
    """What to change of a view; what is left out stays."""

    name: Name | None = None
    filter: CertificateFilter | None = None


class ImportIn(In):
    """A certificate that was issued elsewhere: PEM, or PKCS#12 in base64; with a profile its policy must allow it."""

    certificate: Pem | None = None
    chain: Pem = ""
    private_key: Annotated[SecretStr, Field(max_length=20_000)] | None = None
    pkcs12: Annotated[Base64Bytes, Field(max_length=500_000)] | None = None
    password: Annotated[SecretStr, Field(max_length=1024)] | None = None
    entry: Annotated[str, StringConstraints(max_length=500)] | None = None
    profile: Reference | None = None
    metadata: Annotated[dict[str, str], Field(max_length=50)] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.certificate is None) == (self.pkcs12 is None):
            raise ValueError("give either certificate or pkcs12")
        if self.pkcs12 is not None and (self.chain or self.private_key):
            raise ValueError("with pkcs12 the chain and the key come from the file; leave them out")
        return self

    def offer(self) -> CertificateBundle:
        """What was brought. Raises BadInput."""
        password = self.password.get_secret_value() if self.password else None
        if self.pkcs12 is not None:
            return from_pkcs12(self.pkcs12, password or "", self.entry)
        key = self.private_key.get_secret_value() if self.private_key else None
        return from_pem_text(self.certificate or "", self.chain, key, password)


class RenewalIn(In):
    """How to renew a certificate. Metadata that is left out is carried over, null clears it."""

    csr: Annotated[str, StringConstraints(max_length=65536)] | None = None
    same_key: bool = False
    metadata: Annotated[dict[str, str], Field(max_length=50)] | None = None

    def changes(self) -> dict[str, Any]:
        """What is given of that which would be carried over."""
        return {"attributes": self.metadata} if "metadata" in self.model_fields_set else {}


class RevocationIn(In):
    """Why a certificate is revoked; `certificateHold` until it is released."""

    reason: Reason = Reason.UNSPECIFIED


class AutoRenewalIn(In):
    """Whether a certificate is renewed by itself, and when; null leaves it to the rule of its profile."""

    auto_renew: bool | None
    renewal_override: RenewalOverride | None = Field(
        default=None, description="a fraction of the lifetime or a time before the end of its own"
    )


class ApiEnrollmentIn(In):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = True
    auto_renew: RenewalRule = Field(default_factory=RenewalRule)


class ExportIn(In):
    """How to write a certificate. PKCS#12 and JKS hold the private key, under the password."""

    format: Literal["pem", "der", "pkcs12", "jks"]
    password: Annotated[SecretStr, Field(max_length=1024)] | None = None
    include_root: bool = False


class SelectionIn(In):
    """Which certificates a sync carries: lineages, or what passes the filter; empty means all of the Application."""

    lineages: References = Field(default_factory=list)
    profiles: References = Field(default_factory=list)
    names: Patterns = Field(default_factory=list)
    metadata: Annotated[dict[str, str], Field(max_length=20)] = Field(default_factory=dict)

    def given(self) -> Selection:
        """As the service takes it."""
        return Selection(tuple(self.lineages), tuple(self.profiles), tuple(self.names), self.metadata)


Grace = Annotated[int, Field(ge=0, le=366 * 86400)]


class SyncIn(In):
    """A sync to make."""

    slug: Slug
    name: Name
    destination: Reference
    connection: Reference | None = None
    config: Settings = Field(default_factory=dict)
    selection: SelectionIn = Field(default_factory=SelectionIn)
    name_schema: Annotated[str, StringConstraints(max_length=256)] = DEFAULT_NAME_SCHEMA
    include_root: bool = False
    keep_identity: bool = True
    auto: bool = True
    prune: bool = False
    prune_grace_seconds: Grace = GRACE_SECONDS


class SyncChangeIn(In):
    """What to change of a sync; what is left out stays, a masked value in the configuration too."""

    name: Name | None = None
    connection: Reference | None = None
    config: Settings | None = None
    selection: SelectionIn | None = None
    name_schema: Annotated[str, StringConstraints(max_length=256)] | None = None
    include_root: bool | None = None
    keep_identity: bool | None = None
    auto: bool | None = None
    prune: bool | None = None
    prune_grace_seconds: Grace | None = None


class PreviewIn(In):
    """A sync to look at without making it."""

    destination: Reference
    selection: SelectionIn = Field(default_factory=SelectionIn)
    name_schema: Annotated[str, StringConstraints(max_length=256)] = DEFAULT_NAME_SCHEMA


class TriggerIn(In):
    """What to deliver by hand; no lineages means all that the sync carries."""

    lineages: References = Field(default_factory=list)


class TrialIn(In):
    """A plugin configuration to try out without saving it."""

    plugin: Reference
    connection: Reference | None = None
    config: Settings = Field(default_factory=dict)
