"""Methods by which certificates are requested, their settings, and the origin of a request."""

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from certrail.domain import formats
from certrail.domain.durations import Duration, format_duration
from certrail.domain.errors import BadInput, Conflict
from certrail.domain.faults import in_one_line
from certrail.domain.renewal import RenewalRule


class EnrollmentMethod(StrEnum):
    """A method of enrollment; `AVAILABLE_METHODS` are those that this version serves."""

    API = "api"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class RequestOrigin(StrEnum):
    """What a certificate request came from."""

    API = "api"
    RENEWAL = "renewal"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class MethodSettings(BaseModel):
    """Settings of a method: frozen, unknown members refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ApiSettings(MethodSettings):
    """`auto_renew` is the rule by which certificates of the profile are renewed; left out, the default rule."""

    auto_renew: RenewalRule | None = None


class ChallengeType(StrEnum):
    """How an ACME client shows that it controls a name.

    RFC 8555 section 8, RFC 8737 section 3, draft-ietf-acme-dns-account-label-03, draft-ietf-acme-dns-persist-02.
    """

    HTTP = "http-01"
    DNS = "dns-01"
    TLS_ALPN = "tls-alpn-01"
    DNS_ACCOUNT = "dns-account-01"
    DNS_PERSIST = "dns-persist-01"


OFFERED_CHALLENGES = (ChallengeType.HTTP, ChallengeType.DNS, ChallengeType.TLS_ALPN)
"""Where an enrollment names none: those of RFCs. The others are drafts, and are switched on by name."""
MOST_ISSUER_NAMES = 10
"""Of one challenge (draft-ietf-acme-dns-persist-02 section 3.1)."""


class AcmeSettings(MethodSettings):
    """Settings of the ACME server of one enrollment.

    Attributes:
        external_account_required: a new account needs an external account binding (RFC 8555 section 7.3.4).
        preauthorized: authorizations are valid at once, because the network or the account is trusted already.
        challenges: those that are offered.
        allowed_networks: CIDRs of special-purpose addresses, such as private ones, that validation may connect to;
            all other special-purpose addresses are refused.
        resolvers: addresses of DNS servers, ``address`` or ``address:port``; the system's where it is empty.
        http_port: to which HTTP-01 connects first; the RFC says 80, a port forwarding may say otherwise.
        tls_port: the same of TLS-ALPN-01, and of redirects to HTTPS.
        orders_per_hour: new orders of one account.
        failed_validations_per_hour: of one name by one account, after which its orders wait.
        issuer_domain_names: what the records of dns-persist-01 name this server by.
        persist_subdomains: whether a record of dns-persist-01 with ``policy=wildcard`` counts for names below its own.
    """

    external_account_required: bool = False
    preauthorized: bool = False
    challenges: tuple[ChallengeType, ...] = Field(default=OFFERED_CHALLENGES, min_length=1, max_length=8)
    allowed_networks: tuple[str, ...] = Field(default=(), max_length=32)
    resolvers: tuple[str, ...] = Field(default=(), max_length=8)
    http_port: int = Field(default=80, ge=1, le=65535)
    tls_port: int = Field(default=443, ge=1, le=65535)
    orders_per_hour: int = Field(default=300, ge=1, le=100_000)
    failed_validations_per_hour: int = Field(default=20, ge=1, le=100_000)
    issuer_domain_names: tuple[str, ...] = Field(default=(), max_length=MOST_ISSUER_NAMES)
    persist_subdomains: bool = False

    @field_validator("issuer_domain_names")
    @classmethod
    def _issuer_names(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(formats.dns_name(name) for name in given))
        if any("*" in name for name in names):
            raise ValueError("a wildcard names no issuer")
        return names

    @model_validator(mode="after")
    def _records_name_an_issuer(self) -> Self:
        if ChallengeType.DNS_PERSIST in self.challenges and not self.issuer_domain_names:
            raise ValueError("dns-persist-01 needs issuer_domain_names, such as ca.example.com")
        return self

    @field_validator("allowed_networks")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ipaddress.ip_network(cidr)) for cidr in given)

    @field_validator("resolvers")
    @classmethod
    def _resolvers(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            resolver_address(text)
        return given


def resolver_address(text: str) -> tuple[str, int]:
    """Address and port of a DNS server: ``192.0.2.53``, ``192.0.2.53:5353``, ``[2001:db8::53]:53``.

    Raises:
        ValueError: it is no IP address with an optional port.
    """
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "53")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is no address of a DNS server")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


def _within(shortest: timedelta, longest: timedelta) -> AfterValidator:
    def checked(value: timedelta) -> timedelta:
        if not shortest <= value <= longest:
            raise ValueError(f"{format_duration(shortest)} to {format_duration(longest)}")
        return value

    return AfterValidator(checked)


Pause = Annotated[Duration, _within(timedelta(seconds=1), timedelta(days=1))]
"""Between two calls of a client that waits."""
ChallengeLifetime = Annotated[Duration, _within(timedelta(minutes=1), timedelta(days=7))]
"""Of a one-time challenge."""


class EstSettings(MethodSettings):
    """Settings of the EST server of one enrollment (RFC 7030).

    Attributes:
        server_key_generation: whether serverkeygen is served: keys are made and kept here.
        retry_after: after which a client comes again while its request waits for approval.
    """

    server_key_generation: bool = False
    retry_after: Pause = timedelta(minutes=1)


class ScepSettings(MethodSettings):
    """Settings of the SCEP server of one enrollment (RFC 8894).

    Attributes:
        renewal_by_certificate: whether a valid certificate of this enrollment replaces the challenge in RenewalReq.
        one_time_challenge_lifetime: lifetime of a one-time challenge.
        most_one_time_challenges: how many that were not used there may be at once.
    """

    renewal_by_certificate: bool = True
    one_time_challenge_lifetime: ChallengeLifetime = timedelta(hours=1)
    most_one_time_challenges: int = Field(default=100, ge=1, le=10_000)


SETTINGS: Mapping[EnrollmentMethod, type[MethodSettings]] = MappingProxyType(
    {
        EnrollmentMethod.API: ApiSettings,
        EnrollmentMethod.ACME: AcmeSettings,
        EnrollmentMethod.EST: EstSettings,
        EnrollmentMethod.SCEP: ScepSettings,
    }
)
"""The settings of each method."""
AVAILABLE_METHODS = frozenset(EnrollmentMethod)
"""The methods that this version serves."""
ENDPOINTS: Mapping[EnrollmentMethod, Mapping[str, str]] = MappingProxyType(
    {
        EnrollmentMethod.API: {"requests": "/api/v1{application}/certificate-requests"},
        EnrollmentMethod.ACME: {"directory": "/acme{application}/profiles/{profile}/directory"},
        EnrollmentMethod.EST: {"server": "/.well-known/est/{path}", "prefix": "/est/{path}"},
        EnrollmentMethod.SCEP: {"server": "/scep/{path}/pkiclient.exe"},
    }
)
"""By method and name: paths of the URLs that a client is configured with; `{application}` is empty in the legacy
scope, and `{path}` is the profile alone there."""


def endpoints(
    method: EnrollmentMethod, public_url: str, application_id: str | None, profile_id: str
) -> dict[str, str]:
    """The URLs of a method by name; ids are in them, because slugs may change."""
    application = f"/applications/{application_id}" if application_id else ""
    path = f"applications/{application_id}/profiles/{profile_id}" if application_id else profile_id
    return {
        name: public_url.rstrip("/") + template.format(application=application, profile=profile_id, path=path)
        for name, template in ENDPOINTS[method].items()
    }


def method_settings(method: EnrollmentMethod, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are stored.

    Raises:
        BadInput: they do not fit the method.
    """
    model = SETTINGS.get(method, MethodSettings)
    try:
        parsed = model.model_validate(given)
    except ValidationError as err:
        what = in_one_line(err, model)
        raise BadInput(f"The settings of the method {method} are wrong. {what}", "settings") from None
    return parsed.model_dump(mode="json", exclude_none=True)


def refuse_unavailable(method: EnrollmentMethod) -> None:
    """Raise Conflict (``method-unavailable``) for a method that this version does not serve."""
    if method not in AVAILABLE_METHODS:
        served = ", ".join(sorted(AVAILABLE_METHODS))
        raise Conflict(
            f"Enrollment by {method} is not served by this version; it serves: {served}.",
            kind="method-unavailable",
        )
