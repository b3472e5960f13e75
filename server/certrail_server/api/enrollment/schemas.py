"""What the API takes and answers: methods of enrollment."""

from typing import Annotated, Any

from pydantic import Field

from certrail.domain.enrollment import AcmeSettings, ChallengeType, EnrollmentMethod
from certrail_server.api.schemas.base import Id, In, Out, examples

Text = Annotated[str, Field(min_length=1, max_length=64)]
_ACME = AcmeSettings()


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


class EstEnrollmentIn(MethodIn):
    """How a profile may be used by EST (RFC 7030)."""

    model_config = examples({"enabled": True})


class ScepEnrollmentIn(MethodIn):
    """How a profile may be used by SCEP (RFC 8894)."""

    model_config = examples({"enabled": True})


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


class EnrollmentMethodOut(Out):
    """How a profile may be used by one method, and by which URLs."""

    method: EnrollmentMethod = Field(description="Name of the method.")
    served: bool = Field(description="Whether this version serves it.")
    enabled: bool = Field(description="Whether certificates may be requested by it.")
    settings: dict[str, Any] = Field(description="As they were set, with their defaults.")
    urls: dict[str, str] = Field(description="By name: what a client is configured with.")


class EnrollmentOut(Out):
    """By which methods a profile may be used in one scope."""

    application_id: Id | None = Field(description="Id of the Application; null in the legacy scope.")
    profile_id: Id = Field(description="Id of the certificate profile.")
    profile: str = Field(description="Slug of the certificate profile.")
    methods: list[EnrollmentMethodOut] = Field(description="Every method, by name.")
