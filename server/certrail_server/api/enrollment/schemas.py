"""What the API takes and answers: methods of enrollment."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, SecretStr, StringConstraints

from certrail.domain.enrollment import (
    MOST_ISSUER_NAMES,
    AcmeSettings,
    ChallengeLifetime,
    ChallengeType,
    EnrollmentMethod,
    EstSettings,
    Pause,
    ScepSettings,
)
from certrail.services.enrollment.secrets import SecretKind
from certrail_server.api import samples
from certrail_server.api.schemas.base import Duration, Id, In, Listing, Out, examples

Text = Annotated[str, Field(min_length=1, max_length=64)]
IssuerName = Annotated[str, Field(min_length=1, max_length=253)]
_ACME, _EST, _SCEP = AcmeSettings(), EstSettings(), ScepSettings()


class MethodIn(In):
    """Whether a profile may be used by a method."""

    enabled: bool = Field(default=True, description="Whether certificates may be requested by it.")

    def settings(self) -> dict[str, Any]:
        """As the service takes them."""
        return self.model_dump(mode="json", exclude={"enabled"}, exclude_unset=True)


class AcmeEnrollmentIn(MethodIn):
    """How a profile may be used by ACME (RFC 8555)."""

    model_config = examples(
        {
            "enabled": True,
            "external_account_required": True,
            "preauthorized": False,
            "challenges": ["http-01", "dns-01"],
            "allowed_networks": ["10.20.0.0/16"],
            "resolvers": ["192.0.2.53"],
            "http_port": 80,
            "tls_port": 443,
            "orders_per_hour": 300,
            "failed_validations_per_hour": 20,
            "issuer_domain_names": ["ca.example.com"],
            "persist_subdomains": False,
        },
        {"preauthorized": True},
    )

    external_account_required: bool = Field(
        default=False, description="Whether a new account needs an external account binding."
    )
    preauthorized: bool = Field(
        default=False, description="Whether names need no challenge, because the account is trusted already."
    )
    challenges: list[ChallengeType] = Field(
        default=list(_ACME.challenges), min_length=1, max_length=8, description="Challenges that are offered."
    )
    allowed_networks: list[Text] = Field(
        default_factory=list,
        max_length=32,
        description="CIDRs of private or other special-purpose addresses that validation may connect to.",
    )
    resolvers: list[Text] = Field(
        default_factory=list,
        max_length=8,
        description="DNS servers, as `address` or `address:port`; empty for those of the system.",
    )
    http_port: int = Field(default=80, ge=1, le=65535, description="Port of HTTP-01.")
    tls_port: int = Field(default=443, ge=1, le=65535, description="Port of TLS-ALPN-01.")
    orders_per_hour: int = Field(
        default=_ACME.orders_per_hour, ge=1, le=100_000, description="New orders of one account in an hour."
    )
    failed_validations_per_hour: int = Field(
        default=_ACME.failed_validations_per_hour,
        ge=1,
        le=100_000,
        description="Failed validations of one name by one account in an hour, after which its orders are refused.",
    )
    issuer_domain_names: list[IssuerName] = Field(
        default_factory=list,
        max_length=MOST_ISSUER_NAMES,
        description="By what the records of dns-persist-01 name this server, such as `ca.example.com`.",
    )
    persist_subdomains: bool = Field(
        default=False,
        description="Whether a record of dns-persist-01 with `policy=wildcard` counts for names below its own.",
    )


class EstEnrollmentIn(MethodIn):
    """How a profile may be used by EST (RFC 7030)."""

    model_config = examples(
        {"enabled": True, "server_key_generation": True, "retry_after": "5m"}, {"enabled": False}
    )

    server_key_generation: bool = Field(
        default=False, description="Whether serverkeygen is served: keys are made and kept here."
    )
    retry_after: Pause = Field(
        default=_EST.retry_after, description="After which a client comes again while an approval is open."
    )


class ScepEnrollmentIn(MethodIn):
    """How a profile may be used by SCEP (RFC 8894)."""

    model_config = examples(
        {
            "enabled": True,
            "renewal_by_certificate": True,
            "one_time_challenge_lifetime": "30m",
            "most_one_time_challenges": 500,
        },
        {"enabled": False},
    )

    renewal_by_certificate: bool = Field(
        default=True, description="Whether a valid certificate replaces the challenge in a renewal."
    )
    one_time_challenge_lifetime: ChallengeLifetime = Field(
        default=_SCEP.one_time_challenge_lifetime, description="Lifetime of a one-time challenge."
    )
    most_one_time_challenges: int = Field(
        default=100, ge=1, le=10_000, description="How many that were not used there may be at once."
    )


class AcmeMethodOut(Out):
    """Enrollment by ACME."""

    enabled: bool = Field(description="Whether certificates may be requested by it.")
    external_account_required: bool = Field(
        description="Whether a new account needs an external account binding."
    )
    preauthorized: bool = Field(description="Whether names need no challenge.")
    challenges: list[ChallengeType] = Field(description="Challenges that are offered.")
    allowed_networks: list[str] = Field(
        description="CIDRs of special-purpose addresses that validation may connect to."
    )
    resolvers: list[str] = Field(description="DNS servers; empty for those of the system.")
    http_port: int = Field(description="Port of HTTP-01.")
    tls_port: int = Field(description="Port of TLS-ALPN-01.")
    orders_per_hour: int = Field(description="New orders of one account in an hour.")
    failed_validations_per_hour: int = Field(
        description="Failed validations of one name by one account in an hour."
    )
    issuer_domain_names: list[str] = Field(
        description="By what the records of dns-persist-01 name this server."
    )
    persist_subdomains: bool = Field(
        description="Whether a record with `policy=wildcard` counts for names below its own."
    )


class EstMethodOut(Out):
    """Enrollment by EST."""

    enabled: bool = Field(description="Whether certificates may be requested by it.")
    server_key_generation: bool = Field(description="Whether serverkeygen is served.")
    retry_after: Duration = Field(description="After which a client comes again while an approval is open.")


class ScepMethodOut(Out):
    """Enrollment by SCEP."""

    enabled: bool = Field(description="Whether certificates may be requested by it.")
    renewal_by_certificate: bool = Field(
        description="Whether a valid certificate replaces the challenge in a renewal."
    )
    one_time_challenge_lifetime: Duration = Field(description="Lifetime of a one-time challenge.")
    most_one_time_challenges: int = Field(description="How many that were not used there may be at once.")


class EnrollmentMethodOut(Out):
    """How a profile may be used by one method, and by which URLs."""

    method: EnrollmentMethod = Field(description="Name of the method.")
    served: bool = Field(description="Whether this version serves it.")
    enabled: bool = Field(description="Whether certificates may be requested by it.")
    settings: dict[str, Any] = Field(description="As they were set, with their defaults.")
    urls: dict[str, str] = Field(description="By name: what a client is configured with.")
    clients: dict[str, str] = Field(
        description="By name of a client: a configuration to copy, with words in capitals for secrets."
    )


class EnrollmentOut(Out):
    """By which methods a profile may be used in one scope."""

    application_id: Id | None = Field(description="Id of the Application; null in the legacy scope.")
    profile_id: Id = Field(description="Id of the certificate profile.")
    profile: str = Field(description="Slug of the certificate profile.")
    methods: list[EnrollmentMethodOut] = Field(description="Every method, by name.")


HostName = Annotated[str, Field(min_length=1, max_length=253)]
SecretText = Annotated[str, Field(min_length=16, max_length=128)]


class PassphraseIn(In):
    """A passphrase of EST to create."""

    model_config = examples(
        {"name": "routers-2027", "lifetime": "365d"},
        {"name": "routers-2026", "value": "a-text-of-the-routers"},
    )

    name: Text = Field(description="What it is for.")
    value: SecretText | None = Field(
        default=None,
        description="A text of one's own, 16 to 128 printable ASCII characters; null for a random one.",
    )
    lifetime: Duration | None = Field(default=None, description="How long it is valid; null for no end.")


class ChallengeIn(In):
    """A challenge of SCEP for many requests to create."""

    model_config = examples(
        {"name": "tablets", "lifetime": "30d"}, {"name": "phones", "value": "a-text-of-the-phones"}
    )

    name: Text = Field(description="What it is for.")
    value: SecretText | None = Field(
        default=None,
        description="A text of one's own, 16 to 128 printable ASCII characters; null for a random one.",
    )
    lifetime: Duration | None = Field(default=None, description="How long it is valid; null for no end.")


class OneTimeChallengeIn(In):
    """A challenge of SCEP for one request to create."""

    model_config = examples({"name": "printer-17"}, {"name": "printer-18", "lifetime": "15m"})

    name: Text = Field(description="What it is for.")
    lifetime: Duration | None = Field(
        default=None, description="How long it is valid; null is as the enrollment is set."
    )


class AgentIn(In):
    """The agent of one host to create."""

    model_config = examples(
        {"name": "web-1", "names": ["www.example.com", "192.0.2.7"], "lifetime": "2h"},
        {"name": "web-2", "names": ["www.example.com"]},
    )

    name: Text = Field(description="Of the host; unique in its profile here.")
    names: Annotated[list[HostName], Field(min_length=1, max_length=100)] = Field(
        description="DNS names, addresses and common names that its certificates may have, and no others."
    )
    lifetime: Duration | None = Field(
        default=None, description="Of its one-time token, a week at most; null for an hour."
    )


class AgentOut(Out):
    """The agent of one host, without its token."""

    id: Id = Field(description="Id of the agent.")
    created_at: datetime = Field(description="When it was created.")
    name: str = Field(description="Of the host.")
    names: list[str] = Field(description="What its certificates may be for.")
    created_by: Id | None = Field(description="Id of the principal that created it.")
    expires_at: datetime | None = Field(description="When its one-time token expires; null once it was used.")
    enrolled_at: datetime | None = Field(description="When it was used; null if it was not.")
    principal_id: Id | None = Field(description="Id of the principal that the agent acts as, once it may.")


class NewAgentOut(AgentOut):
    """The agent of one host that was just created."""

    token: str | None = Field(
        description="Its one-time token, in this answer only; null when the same call created it before."
    )


class AgentList(Listing[AgentOut]):
    """Agents, by name."""


class AgentEnrollmentIn(In):
    """A one-time token, and the hash of a secret that the agent made."""

    model_config = examples({"token": samples.ONE_TIME_TOKEN, "secret_hash": "0" * 64})

    token: Annotated[SecretStr, Field(min_length=1, max_length=200)] = Field(
        description="The one-time token."
    )
    secret_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256, hex, of a random secret of at least 256 bits, which stays with the agent."
    )


class AgentEnrollmentOut(Out):
    """What an agent may do from now on."""

    token: str = Field(description="The beginning of its access token, which its secret completes.")
    name: str = Field(description="Of the host.")
    application: str | None = Field(description="Slug of its Application; null in the legacy scope.")
    profile: str = Field(description="Slug of its profile.")
    names: list[str] = Field(description="What its certificates may be for.")


class EnrollmentSecretOut(Out):
    """A passphrase or a challenge, without its text."""

    id: Id = Field(description="Id of the secret.")
    created_at: datetime = Field(description="When it was created.")
    kind: SecretKind = Field(description="What it is.")
    name: str = Field(description="What it is for.")
    created_by: Id | None = Field(description="Id of the principal that created it.")
    expires_at: datetime | None = Field(description="When it expires; null for no end.")


class NewEnrollmentSecretOut(EnrollmentSecretOut):
    """A passphrase or a challenge that was just created."""

    value: str | None = Field(
        description="Its text, in this answer only; null when the same call created it before."
    )


class EnrollmentSecretList(Listing[EnrollmentSecretOut]):
    """Passphrases or challenges, newest first."""
