"""Keys for external account bindings and accounts of ACME, by API."""

from typing import Annotated

from fastapi import APIRouter

from certrail.domain.access import Permission
from certrail.domain.errors import Conflict
from certrail.services.enrollment.acme.external_accounts import ShownKey
from certrail_server.api.enrollment.acme_schemas import (
    AcmeAccountList,
    AcmeAccountOut,
    ExternalAccountKeyIn,
    ExternalAccountKeyList,
    ExternalAccountKeyOut,
    NewExternalAccountKeyOut,
)
from certrail_server.api.guard import Call, allow, idempotent

router = APIRouter(prefix="/profiles/{profile}/enrollment/acme", tags=["enrollment"])
Manage = Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)]


@router.get("/keys")
def list_external_account_keys(profile: str, call: Manage) -> ExternalAccountKeyList:
    """The keys for external account bindings, by name; their MAC keys are never shown again."""
    rows = call.services.external_account_keys.list(call.scope, profile)
    return ExternalAccountKeyList(items=[ExternalAccountKeyOut.of(row) for row in rows])


@router.post("/keys", status_code=201)
def create_external_account_key(
    profile: str, body: ExternalAccountKeyIn, call: Manage
) -> NewExternalAccountKeyOut:
    """Create a key for external account bindings. Its MAC key is in this answer and nowhere else."""
    keys = call.services.external_account_keys

    def again(_ident: str) -> ShownKey:
        raise Conflict(
            f"The key {body.name!r} was created by this call before; rotate it to see a new MAC key."
        )

    shown = idempotent(lambda: keys.create(call.actor, call.scope, profile, body.name), again)
    return NewExternalAccountKeyOut.of(shown.row, mac_key=shown.mac_key)


@router.post("/keys/{key}/rotate")
def rotate_external_account_key(profile: str, key: str, call: Manage) -> NewExternalAccountKeyOut:
    """Give a key a new MAC key, which is in this answer and nowhere else; accounts that it bound stay."""
    shown = call.services.external_account_keys.rotate(call.actor, call.scope, profile, key)
    return NewExternalAccountKeyOut.of(shown.row, mac_key=shown.mac_key)


@router.delete("/keys/{key}", status_code=204)
def revoke_external_account_key(profile: str, key: str, call: Manage) -> None:
    """Revoke a key: it binds no new account, and those that it bound stay."""
    call.services.external_account_keys.revoke(call.actor, call.scope, profile, key)


@router.get("/accounts")
def list_acme_accounts(profile: str, call: Manage) -> AcmeAccountList:
    """The accounts, oldest first."""
    found = call.services.catalog.profile(profile)
    rows = call.services.acme_accounts.list(call.scope, found.id)
    return AcmeAccountList(items=[AcmeAccountOut.of(row) for row in rows])


@router.delete("/accounts/{account}", status_code=204)
def revoke_acme_account(profile: str, account: str, call: Manage) -> None:
    """Revoke an account: its calls are refused, and its certificates stay valid."""
    found = call.services.catalog.profile(profile)
    call.services.acme_accounts.revoke(call.actor, call.scope, found.id, account)
