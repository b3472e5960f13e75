"""Calls: enrollment.

Written by `python -m docs.generate` from the OpenAPI document; edit the API instead.
"""

from certrail_client.calls import PREFIX, Call, PagedCall, path_of, scoped
from certrail_client.models.common import (
    AcmeEnrollmentIn,
    AttachedProfileOut,
    EstEnrollmentIn,
    ScepEnrollmentIn,
)
from certrail_client.models.enrollment import (
    AcmeAccountList,
    AcmeAccountOut,
    AgentIn,
    AgentList,
    AgentOut,
    ApiEnrollmentIn,
    ChallengeIn,
    EnrollmentMethodOut,
    EnrollmentOut,
    EnrollmentSecretList,
    EnrollmentSecretOut,
    ExternalAccountKeyIn,
    ExternalAccountKeyList,
    ExternalAccountKeyOut,
    NewAgentOut,
    NewEnrollmentSecretOut,
    NewExternalAccountKeyOut,
    OneTimeChallengeIn,
    PassphraseIn,
)


def set_api_enrollment(application: str, profile: str, body: ApiEnrollmentIn) -> Call[AttachedProfileOut]:
    """Whether a profile is used through the API here, and how its certificates are renewed."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}/enrollment/api",
        application=application,
        profile=profile,
    )
    return Call("PUT", path, AttachedProfileOut, body=body)


def set_acme_enrollment(application: str, profile: str, body: AcmeEnrollmentIn) -> Call[EnrollmentMethodOut]:
    """Whether a profile is used by ACME here, and how."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}/enrollment/acme",
        application=application,
        profile=profile,
    )
    return Call("PUT", path, EnrollmentMethodOut, body=body)


def set_est_enrollment(application: str, profile: str, body: EstEnrollmentIn) -> Call[EnrollmentMethodOut]:
    """Whether a profile is used by EST here, and how."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}/enrollment/est",
        application=application,
        profile=profile,
    )
    return Call("PUT", path, EnrollmentMethodOut, body=body)


def set_scep_enrollment(application: str, profile: str, body: ScepEnrollmentIn) -> Call[EnrollmentMethodOut]:
    """Whether a profile is used by SCEP here, and how."""
    path = path_of(
        PREFIX + "/applications/{application}/profiles/{profile}/enrollment/scep",
        application=application,
        profile=profile,
    )
    return Call("PUT", path, EnrollmentMethodOut, body=body)


def get_enrollment(application: str | None, profile: str) -> Call[EnrollmentOut]:
    """Every method by which a profile may be used here: whether it is enabled, its settings and its URLs."""
    path = scoped(application, "/profiles/{profile}/enrollment", profile=profile)
    return Call("GET", path, EnrollmentOut)


def list_passphrases(
    application: str | None, profile: str
) -> PagedCall[EnrollmentSecretList, EnrollmentSecretOut]:
    """The valid passphrases of EST; their text is never shown again."""
    path = scoped(application, "/profiles/{profile}/enrollment/est/passphrases", profile=profile)
    return PagedCall("GET", path, EnrollmentSecretList, position="cursor")


def create_passphrase(
    application: str | None, profile: str, body: PassphraseIn
) -> Call[NewEnrollmentSecretOut]:
    """Create a passphrase of EST. Its text is in this answer and nowhere else; several are valid at once."""
    path = scoped(application, "/profiles/{profile}/enrollment/est/passphrases", profile=profile)
    return Call("POST", path, NewEnrollmentSecretOut, body=body)


def revoke_passphrase(application: str | None, profile: str, secret: str) -> Call[None]:
    """Revoke a passphrase of EST: it is refused at once, and certificates that were issued by it stay
    valid.
    """
    path = scoped(
        application, "/profiles/{profile}/enrollment/est/passphrases/{secret}", profile=profile, secret=secret
    )
    return Call("DELETE", path, type(None))


def list_challenges(
    application: str | None, profile: str
) -> PagedCall[EnrollmentSecretList, EnrollmentSecretOut]:
    """The valid challenges of SCEP that were not used; their text is never shown again."""
    path = scoped(application, "/profiles/{profile}/enrollment/scep/challenges", profile=profile)
    return PagedCall("GET", path, EnrollmentSecretList, position="cursor")


def create_challenge(
    application: str | None, profile: str, body: ChallengeIn
) -> Call[NewEnrollmentSecretOut]:
    """Create a challenge of SCEP for many requests. Its text is in this answer and nowhere else."""
    path = scoped(application, "/profiles/{profile}/enrollment/scep/challenges", profile=profile)
    return Call("POST", path, NewEnrollmentSecretOut, body=body)


def create_one_time_challenge(
    application: str | None, profile: str, body: OneTimeChallengeIn
) -> Call[NewEnrollmentSecretOut]:
    """Create a challenge of SCEP for one request, which whoever may request certificates here may do."""
    path = scoped(application, "/profiles/{profile}/enrollment/scep/one-time-challenges", profile=profile)
    return Call("POST", path, NewEnrollmentSecretOut, body=body)


def revoke_challenge(application: str | None, profile: str, secret: str) -> Call[None]:
    """Revoke a challenge of SCEP: it is refused at once, and certificates that were issued by it stay
    valid.
    """
    path = scoped(
        application, "/profiles/{profile}/enrollment/scep/challenges/{secret}", profile=profile, secret=secret
    )
    return Call("DELETE", path, type(None))


def list_external_account_keys(
    application: str | None, profile: str
) -> PagedCall[ExternalAccountKeyList, ExternalAccountKeyOut]:
    """The keys for external account bindings, by name; their MAC keys are never shown again."""
    path = scoped(application, "/profiles/{profile}/enrollment/acme/keys", profile=profile)
    return PagedCall("GET", path, ExternalAccountKeyList, position="cursor")


def create_external_account_key(
    application: str | None, profile: str, body: ExternalAccountKeyIn
) -> Call[NewExternalAccountKeyOut]:
    """Create a key for external account bindings. Its MAC key is in this answer and nowhere else."""
    path = scoped(application, "/profiles/{profile}/enrollment/acme/keys", profile=profile)
    return Call("POST", path, NewExternalAccountKeyOut, body=body, idempotent=True)


def rotate_external_account_key(
    application: str | None, profile: str, key: str
) -> Call[NewExternalAccountKeyOut]:
    """Give a key a new MAC key, which is in this answer and nowhere else; accounts that it bound stay."""
    path = scoped(
        application, "/profiles/{profile}/enrollment/acme/keys/{key}/rotate", profile=profile, key=key
    )
    return Call("POST", path, NewExternalAccountKeyOut)


def revoke_external_account_key(application: str | None, profile: str, key: str) -> Call[None]:
    """Revoke a key: it binds no new account, and those that it bound stay."""
    path = scoped(application, "/profiles/{profile}/enrollment/acme/keys/{key}", profile=profile, key=key)
    return Call("DELETE", path, type(None))


def list_acme_accounts(application: str | None, profile: str) -> PagedCall[AcmeAccountList, AcmeAccountOut]:
    """The accounts, oldest first."""
    path = scoped(application, "/profiles/{profile}/enrollment/acme/accounts", profile=profile)
    return PagedCall("GET", path, AcmeAccountList, position="cursor")


def revoke_acme_account(application: str | None, profile: str, account: str) -> Call[None]:
    """Revoke an account: its calls are refused, and its certificates stay valid."""
    path = scoped(
        application,
        "/profiles/{profile}/enrollment/acme/accounts/{account}",
        profile=profile,
        account=account,
    )
    return Call("DELETE", path, type(None))


def list_agents(application: str | None, profile: str) -> PagedCall[AgentList, AgentOut]:
    """The agents of a profile, by name; their tokens are never shown again."""
    path = scoped(application, "/profiles/{profile}/enrollment/api/agents", profile=profile)
    return PagedCall("GET", path, AgentList, position="cursor")


def create_agent(application: str | None, profile: str, body: AgentIn) -> Call[NewAgentOut]:
    """Create the agent of a host. Its one-time token is in this answer and nowhere else."""
    path = scoped(application, "/profiles/{profile}/enrollment/api/agents", profile=profile)
    return Call("POST", path, NewAgentOut, body=body, idempotent=True)


def delete_agent(application: str | None, profile: str, agent: str) -> Call[None]:
    """Delete an agent: it is refused at once, and its certificates stay valid."""
    path = scoped(
        application, "/profiles/{profile}/enrollment/api/agents/{agent}", profile=profile, agent=agent
    )
    return Call("DELETE", path, type(None))
