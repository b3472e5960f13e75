"""What the API takes and answers: enrollment.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from __future__ import annotations

from datetime import datetime

from certrail_client.base import Body, Json, OpenEnum, Secret
from certrail_client.models.common import RenewalRule


class AccountStatus(OpenEnum):
    """Of an account."""

    VALID = "valid"
    DEACTIVATED = "deactivated"
    REVOKED = "revoked"


class AcmeAccountList(Body):
    """Accounts, oldest first."""

    items: list[AcmeAccountOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class AcmeAccountOut(Body):
    """An ACME account."""

    id: str
    """Id of the account; the last part of its URL."""
    created_at: datetime
    """When it was created."""
    principal_id: str
    """Id of the principal that it is in the audit log."""
    status: AccountStatus
    """Whether it may act."""
    thumbprint: str
    """Of its public key (RFC 7638)."""
    contacts: list[str]
    """As the client gave them."""
    external_key_id: str | None
    """Id of the key that bound it; null for none."""


class AgentIn(Body):
    """The agent of one host to create."""

    name: str
    """Of the host; unique in its profile here."""
    names: list[str]
    """DNS names, addresses and common names that its certificates may have, and no others."""
    lifetime: str | None = None
    """Of its one-time token, a week at most; null for an hour."""


class AgentList(Body):
    """Agents, by name."""

    items: list[AgentOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class AgentOut(Body):
    """The agent of one host, without its token."""

    id: str
    """Id of the agent."""
    created_at: datetime
    """When it was created."""
    name: str
    """Of the host."""
    names: list[str]
    """What its certificates may be for."""
    created_by: str | None
    """Id of the principal that created it."""
    expires_at: datetime | None
    """When its one-time token expires; null once it was used."""
    enrolled_at: datetime | None
    """When it was used; null if it was not."""
    principal_id: str | None
    """Id of the principal that the agent acts as, once it may."""


class ApiEnrollmentIn(Body):
    """How an Application may use a profile through the API, and how its certificates are renewed."""

    enabled: bool = True
    """Whether certificates may be requested through the API."""
    auto_renew: RenewalRule | None = None
    """How certificates are renewed automatically."""


class ChallengeIn(Body):
    """A challenge of SCEP for many requests to create."""

    name: str
    """What it is for."""
    value: str | None = None
    """A text of one's own, 16 to 128 printable ASCII characters; null for a random one."""
    lifetime: str | None = None
    """How long it is valid; null for no end."""


class EnrollmentMethod(OpenEnum):
    """A method of enrollment; `AVAILABLE_METHODS` are those that this version serves."""

    API = "api"
    ACME = "acme"
    EST = "est"
    SCEP = "scep"


class EnrollmentMethodOut(Body):
    """How a profile may be used by one method, and by which URLs."""

    method: EnrollmentMethod
    """Name of the method."""
    served: bool
    """Whether this version serves it."""
    enabled: bool
    """Whether certificates may be requested by it."""
    settings: Json
    """As they were set, with their defaults."""
    urls: dict[str, str]
    """By name: what a client is configured with."""
    clients: dict[str, str]
    """By name of a client: a configuration to copy, with words in capitals for secrets."""


class EnrollmentOut(Body):
    """By which methods a profile may be used in one scope."""

    application_id: str | None
    """Id of the Application; null in the legacy scope."""
    profile_id: str
    """Id of the certificate profile."""
    profile: str
    """Slug of the certificate profile."""
    methods: list[EnrollmentMethodOut]
    """Every method, by name."""


class EnrollmentSecretList(Body):
    """Passphrases or challenges, newest first."""

    items: list[EnrollmentSecretOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class EnrollmentSecretOut(Body):
    """A passphrase or a challenge, without its text."""

    id: str
    """Id of the secret."""
    created_at: datetime
    """When it was created."""
    kind: SecretKind
    """What it is."""
    name: str
    """What it is for."""
    created_by: str | None
    """Id of the principal that created it."""
    expires_at: datetime | None
    """When it expires; null for no end."""


class ExternalAccountKeyIn(Body):
    """A key for external account bindings to create."""

    name: str
    """What it is for; unique in the enrollment."""


class ExternalAccountKeyList(Body):
    """Keys, by name."""

    items: list[ExternalAccountKeyOut]
    """The objects, in the order that the call names."""
    next_cursor: str | None = None
    """Give it as `cursor` to read the next page; null on the last one."""


class ExternalAccountKeyOut(Body):
    """A key for external account bindings (RFC 8555 section 7.3.4)."""

    id: str
    """The key identifier (`kid`)."""
    name: str
    """What it is for."""
    created_at: datetime
    """When it was created."""
    last_used_at: datetime | None
    """When it bound an account last; null for never."""
    revoked_at: datetime | None
    """When it was revoked; null while it is valid."""


class NewAgentOut(Body):
    """The agent of one host that was just created."""

    id: str
    """Id of the agent."""
    created_at: datetime
    """When it was created."""
    name: str
    """Of the host."""
    names: list[str]
    """What its certificates may be for."""
    created_by: str | None
    """Id of the principal that created it."""
    expires_at: datetime | None
    """When its one-time token expires; null once it was used."""
    enrolled_at: datetime | None
    """When it was used; null if it was not."""
    principal_id: str | None
    """Id of the principal that the agent acts as, once it may."""
    token: Secret | None
    """Its one-time token, in this answer only; null when the same call created it before."""


class NewEnrollmentSecretOut(Body):
    """A passphrase or a challenge that was just created."""

    id: str
    """Id of the secret."""
    created_at: datetime
    """When it was created."""
    kind: SecretKind
    """What it is."""
    name: str
    """What it is for."""
    created_by: str | None
    """Id of the principal that created it."""
    expires_at: datetime | None
    """When it expires; null for no end."""
    value: str | None
    """Its text, in this answer only; null when the same call created it before."""


class NewExternalAccountKeyOut(Body):
    """A key with its MAC key, which is shown once."""

    id: str
    """The key identifier (`kid`)."""
    name: str
    """What it is for."""
    created_at: datetime
    """When it was created."""
    last_used_at: datetime | None
    """When it bound an account last; null for never."""
    revoked_at: datetime | None
    """When it was revoked; null while it is valid."""
    mac_key: str
    """The MAC key, base64url, as clients take it; in this answer only."""


class OneTimeChallengeIn(Body):
    """A challenge of SCEP for one request to create."""

    name: str
    """What it is for."""
    lifetime: str | None = None
    """How long it is valid; null is as the enrollment is set."""


class PassphraseIn(Body):
    """A passphrase of EST to create."""

    name: str
    """What it is for."""
    value: str | None = None
    """A text of one's own, 16 to 128 printable ASCII characters; null for a random one."""
    lifetime: str | None = None
    """How long it is valid; null for no end."""


class SecretKind(OpenEnum):
    """What a secret is for."""

    PASSPHRASE = "passphrase"
    CHALLENGE = "challenge"
    ONE_TIME_CHALLENGE = "one_time_challenge"
