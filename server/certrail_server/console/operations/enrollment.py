"""How profiles are used in an Application: settings of methods, secrets of clients, agents of hosts."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel

from certrail.domain.access import Permission
from certrail.domain.enrollment import EnrollmentMethod
from certrail.services.enrollment.acme.external_accounts import ShownKey
from certrail.services.enrollment.secrets import SecretKind
from certrail_server.api.enrollment.acme_schemas import ExternalAccountKeyIn
from certrail_server.api.enrollment.schemas import (
    AcmeEnrollmentIn,
    AgentIn,
    ChallengeIn,
    EstEnrollmentIn,
    OneTimeChallengeIn,
    PassphraseIn,
    ScepEnrollmentIn,
)
from certrail_server.api.guard import Call, find_created, idempotent
from certrail_server.api.schemas.applications import ApiEnrollmentIn
from certrail_server.console.operations.application import APPLICATION, below
from certrail_server.console.operations.operation import Operation, Params, Shown

BASE = f"{APPLICATION}/enrollment/{{profile}}"
MANAGE = Permission.ENROLLMENT_MANAGE
METHODS: Sequence[tuple[EnrollmentMethod, type[BaseModel], str]] = (
    (
        EnrollmentMethod.API,
        ApiEnrollmentIn,
        "And how certificates of the profile are renewed automatically here, by whatever method they came.",
    ),
    (EnrollmentMethod.ACME, AcmeEnrollmentIn, ""),
    (EnrollmentMethod.EST, EstEnrollmentIn, ""),
    (EnrollmentMethod.SCEP, ScepEnrollmentIn, ""),
)


def _home(call: Call, params: Params) -> tuple[str, str]:
    return "Enrollment", below(call, f"/enrollment/{params['profile']}")


def _settings(method: EnrollmentMethod, model: type[BaseModel], text: str) -> Operation:
    def current(call: Call, params: Params) -> BaseModel:
        _, states = call.services.enrollment_methods.of(call.scope, params["profile"], "")
        state = next(state for state in states if state.method is method)
        known = {name: value for name, value in state.settings.items() if name in model.model_fields}
        return model.model_validate({"enabled": state.enabled, **known})

    def perform(call: Call, params: Params, body: BaseModel) -> str:
        call.services.applications.set_enrollment(
            call.actor,
            call.application,
            params["profile"],
            method,
            enabled=bool(body.enabled),  # type: ignore[attr-defined]
            settings=body.model_dump(mode="json", exclude={"enabled"}, exclude_unset=method != "api"),
        )
        return f"{_home(call, params)[1]}#{method}"

    return Operation(
        f"set_{method}_enrollment",
        f"{BASE}/{method}/settings",
        MANAGE,
        f"Settings of {method.upper()}",
        "Save",
        "changed",
        _home,
        perform,
        model=model,
        current=current,
        whole=True,
        text=text,
    )


def _secret(
    api: str,
    path: str,
    permission: Permission,
    title: str,
    kind: SecretKind,
    model: type[BaseModel],
    text: str,
) -> Operation:
    def perform(call: Call, params: Params, body: BaseModel) -> Shown:
        secrets = call.services.enrollment_secrets
        _, value = idempotent(
            lambda: secrets.create(call.actor, call.scope, params["profile"], kind, **body.model_dump()),
            lambda ident: (secrets.get(ident), None),
        )
        return Shown(title, value)

    return Operation(
        api, f"{BASE}/{path}", permission, title, "Create", "created", _home, perform, model=model, text=text
    )


def _ended(api: str, path: str, title: str, end: Callable[[Call, Params], None], text: str) -> Operation:
    def perform(call: Call, params: Params, _body: None) -> str:
        end(call, params)
        return _home(call, params)[1]

    return Operation(
        api, f"{BASE}/{path}", MANAGE, title, "Revoke", "deleted", _home, perform, text=text, danger=True
    )


def _revoke_secret(method: EnrollmentMethod) -> Callable[[Call, Params], None]:
    return lambda call, params: call.services.enrollment_secrets.revoke(
        call.actor, call.scope, params["profile"], method, params["secret"]
    )


def _key_text(shown: ShownKey) -> str:
    return f"Key identifier: {shown.row.id}\nMAC key:        {shown.mac_key}"


def _create_key(call: Call, params: Params, body: ExternalAccountKeyIn) -> Shown:
    keys = call.services.external_account_keys
    text = idempotent(
        lambda: _key_text(keys.create(call.actor, call.scope, params["profile"], body.name)), lambda _: None
    )
    return Shown("The key for external account bindings", text)


def _key_name(call: Call, params: Params) -> str:
    """The name of a key, which may have signs that no path can hold, by its id. Raises NotFound."""
    rows = call.services.external_account_keys.list(call.scope, params["profile"])
    return find_created(rows, params["key"], "key for external account bindings").name


def _rotate_key(call: Call, params: Params, _body: None) -> Shown:
    keys = call.services.external_account_keys
    shown = keys.rotate(call.actor, call.scope, params["profile"], _key_name(call, params))
    return Shown("The new MAC key", _key_text(shown))


def _revoke_key(call: Call, params: Params) -> None:
    name = _key_name(call, params)
    call.services.external_account_keys.revoke(call.actor, call.scope, params["profile"], name)


def _revoke_account(call: Call, params: Params) -> None:
    found = call.services.catalog.profile(params["profile"])
    call.services.acme_accounts.revoke(call.actor, call.scope, found.id, params["account"])


def _create_agent(call: Call, params: Params, body: AgentIn) -> Shown:
    agents = call.services.agents
    _, token = idempotent(
        lambda: agents.create(call.actor, call.scope, params["profile"], **body.model_dump()),
        lambda ident: (agents.get(ident), None),
    )
    return Shown("The one-time token of the agent", token)


def _delete_agent(call: Call, params: Params) -> None:
    call.services.agents.delete(call.actor, call.scope, params["profile"], params["agent"])


OPERATIONS = (
    *(_settings(*method) for method in METHODS),
    _secret(
        "create_passphrase",
        "est/new-passphrase",
        MANAGE,
        "New passphrase of EST",
        SecretKind.PASSPHRASE,
        PassphraseIn,
        "Several are valid at once: create the next one, give it to the clients, then revoke the present one.",
    ),
    _ended(
        "revoke_passphrase",
        "est/passphrases/{secret}/revoke",
        "Revoke the passphrase",
        _revoke_secret(EnrollmentMethod.EST),
        "It is refused at once. Certificates that were issued by it stay valid.",
    ),
    _secret(
        "create_challenge",
        "scep/new-challenge",
        MANAGE,
        "New challenge of SCEP",
        SecretKind.CHALLENGE,
        ChallengeIn,
        "For many requests. Create the next one, give it to the clients, then revoke the present one.",
    ),
    _secret(
        "create_one_time_challenge",
        "scep/new-one-time-challenge",
        Permission.REQUEST_CREATE,
        "New one-time challenge of SCEP",
        SecretKind.ONE_TIME_CHALLENGE,
        OneTimeChallengeIn,
        "For one request.",
    ),
    _ended(
        "revoke_challenge",
        "scep/challenges/{secret}/revoke",
        "Revoke the challenge",
        _revoke_secret(EnrollmentMethod.SCEP),
        "It is refused at once. Certificates that were issued by it stay valid.",
    ),
    Operation(
        "create_external_account_key",
        f"{BASE}/acme/new-key",
        MANAGE,
        "New key for external account bindings",
        "Create",
        "created",
        _home,
        _create_key,
        model=ExternalAccountKeyIn,
    ),
    Operation(
        "rotate_external_account_key",
        f"{BASE}/acme/keys/{{key}}/rotate",
        MANAGE,
        "Rotate the key",
        "Give it a new MAC key",
        "changed",
        _home,
        _rotate_key,
        text="New accounts are bound with the new MAC key only. Accounts that it has bound stay.",
    ),
    _ended(
        "revoke_external_account_key",
        "acme/keys/{key}/revoke",
        "Revoke the key",
        _revoke_key,
        "It binds no new account. Accounts that it has bound stay.",
    ),
    _ended(
        "revoke_acme_account",
        "acme/accounts/{account}/revoke",
        "Revoke the account",
        _revoke_account,
        "Its calls are refused. Its certificates stay valid.",
    ),
    Operation(
        "create_agent",
        f"{BASE}/api/new-agent",
        MANAGE,
        "New agent of a host",
        "Create",
        "created",
        _home,
        _create_agent,
        model=AgentIn,
        text="Its token enrolls it once, on its host: certrail-agent enroll.",
    ),
    _ended(
        "delete_agent",
        "api/agents/{agent}/delete",
        "Delete the agent",
        _delete_agent,
        "It is refused at once. Its certificates stay valid.",
    ),
)
