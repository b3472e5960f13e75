"""What is changed in an Application: itself, its profiles, syncs, approval policies and certificates."""

from collections.abc import Mapping
from functools import partial

from pydantic import BaseModel, Field

from certrail.domain.access import Permission
from certrail_server.api.answers.approvals import approval_policy_answer
from certrail_server.api.answers.catalog import application_answer, attached_answer
from certrail_server.api.answers.certificates import renewal_plan_answer
from certrail_server.api.answers.delivery import sync_answer
from certrail_server.api.guard import Call, idempotent
from certrail_server.api.schemas.applications import ApplicationChangeIn, AttachIn
from certrail_server.api.schemas.approvals import ApprovalPolicyChangeIn, ApprovalPolicyIn
from certrail_server.api.schemas.base import In
from certrail_server.api.schemas.certificates import CertificateImportIn
from certrail_server.api.schemas.lifecycle import RenewalPlanIn
from certrail_server.api.schemas.syncs import SyncChangeIn
from certrail_server.console.operations import choices
from certrail_server.console.operations.operation import Facts, Operation, Params, Shown
from certrail_server.console.schema_form import Options

APPLICATION = "/applications/{application}"
MOST_COUNTED = 200
"""Deliveries of a sync that is about to be deleted; more are not counted."""


def below(call: Call, path: str = "") -> str:
    """The path of a page of the Application."""
    return f"/console/applications/{call.services.applications.get(call.application).slug}{path}"


def tab(label: str, path: str, call: Call, _params: Params) -> tuple[str, str]:
    """A tab of the Application as the page that leads here."""
    return label, below(call, path)


class SyncEndIn(In):
    """What becomes of the objects that a sync has delivered."""

    cleanup: bool = Field(
        default=False, description="Remove what it delivered first; else it stays at the destination."
    )


def _sync(call: Call, params: Params) -> BaseModel:
    return sync_answer(call.services, call.services.syncs.get(call.scope, params["sync"]))


def _of_sync(call: Call, params: Params) -> tuple[str, str]:
    return "Sync", below(call, f"/syncs/{params['sync']}")


def _update_sync(call: Call, params: Params, body: SyncChangeIn) -> str:
    row = call.services.syncs.update(call.actor, call.scope, params["sync"], **body.values())
    return below(call, f"/syncs/{row.slug}")


def _delete_sync(call: Call, params: Params, body: SyncEndIn) -> str:
    left = call.services.syncs.delete(call.actor, call.scope, params["sync"], cleanup=body.cleanup)
    return below(call, f"/syncs/{left.slug}" if left else "/syncs")


def _end_of_sync(call: Call, params: Params) -> Facts:
    sync = call.services.syncs.get(call.scope, params["sync"])
    rows = call.services.deliveries.list(call.scope, sync=sync.id, limit=MOST_COUNTED + 1)
    there = [row for row, _ in rows if row.delivered_at]
    count = f"more than {MOST_COUNTED}" if len(there) > MOST_COUNTED else str(len(there))
    return Facts(
        [
            f"Certificates that it has put at {sync.destination}: {count}.",
            "They stay there, unless they are removed first: then the sync is deleted with the last of them.",
            "New certificates are not delivered by it any more. The certificates stay valid here.",
        ],
        "",
    )


def _application(call: Call, _params: Params) -> BaseModel:
    return application_answer(call.services, call.services.applications.get(call.application))


def _update_application(call: Call, _params: Params, body: ApplicationChangeIn) -> str:
    row = call.services.applications.update(call.actor, call.application, **body.changes())
    return f"/console/applications/{row.slug}"


def _end_of_application(call: Call, _params: Params) -> Facts:
    found = call.services.deletions.preview(call.application)
    counted = [f"{count} {what.replace('_', ' ')}" for what, count in found.counts.items() if count]
    gone = f"What goes with it: {', '.join(counted)}." if counted else "There is nothing in it."
    return Facts([gone, *found.warnings, "The audit log stays. It cannot be undone."], found.confirm)


def _delete_application(call: Call, params: Params, _body: None) -> str:
    call.services.deletions.delete(call.actor, call.application, params["confirm"])
    return "/console/applications"


def _attachable(call: Call, _params: Params) -> Mapping[str, Options]:
    here = {slug for slug, _ in choices.attached(call)}
    return {"profile": [each for each in choices.profiles(call) if each[0] not in here]}


def _attach(call: Call, _params: Params, body: AttachIn) -> str:
    call.services.applications.attach_profile(call.actor, call.application, body.profile)
    return below(call, f"/enrollment/{body.profile}")


def _detach(call: Call, params: Params, _body: None) -> str:
    call.services.applications.detach_profile(call.actor, call.application, params["profile"])
    return below(call, "/enrollment")


def _attached(call: Call, params: Params) -> BaseModel:
    return attached_answer(*call.services.applications.profile(call.application, params["profile"]))


def _policy(call: Call, params: Params) -> BaseModel:
    found = call.services.approval_policies.get(call.scope, params["approval_policy"])
    return approval_policy_answer(call.services, found)


def _create_policy(call: Call, _params: Params, body: ApprovalPolicyIn) -> str:
    policies = call.services.approval_policies
    idempotent(lambda: policies.create(call.actor, call.scope, **body.values()).id, lambda ident: ident)
    return below(call, "/approval-policies")


def _update_policy(call: Call, params: Params, body: ApprovalPolicyChangeIn) -> str:
    call.services.approval_policies.update(call.actor, call.scope, params["approval_policy"], **body.values())
    return below(call, "/approval-policies")


def _delete_policy(call: Call, params: Params, _body: None) -> str:
    call.services.approval_policies.delete(call.actor, call.scope, params["approval_policy"])
    return below(call, "/approval-policies")


def _import(call: Call, _params: Params, body: CertificateImportIn) -> str:
    imports = call.services.imports
    made = idempotent(
        lambda: imports.take(
            call.actor, call.application, body.bundle(), profile=body.profile, attributes=body.metadata
        ),
        call.services.inventory.get,
    )
    return f"/console/certificates/{made.id}"


def _of_certificate(_call: Call, params: Params) -> tuple[str, str]:
    return "Certificate", f"/console/certificates/{params['certificate_id']}"


def _renewal(call: Call, params: Params) -> BaseModel:
    return renewal_plan_answer(call.services.renewals.explained(params["certificate_id"]))


def _plan_renewal(call: Call, params: Params, body: RenewalPlanIn) -> str:
    ident = params["certificate_id"]
    call.services.renewals.decide(call.actor, ident, body.auto_renew, body.renewal_override)
    return f"/console/certificates/{ident}"


def _show_key(call: Call, params: Params, _body: None) -> Shown:
    text = call.services.inventory.show_key(call.actor, params["certificate_id"])
    return Shown("The private key", text)


def _cancel_revocation(call: Call, params: Params, _body: None) -> str:
    row = call.services.revocation.cancel(call.actor, params["revocation_id"])
    return f"/console/certificates/{row.certificate_id}"


def _of_approvals(_call: Call, _params: Params) -> tuple[str, str]:
    return "Approvals", "/console/approvals"


approvals_tab = partial(tab, "Approval policies", "/approval-policies")

OPERATIONS = (
    Operation(
        "update_sync",
        f"{APPLICATION}/syncs/{{sync}}/edit",
        Permission.SYNC_MANAGE,
        "Edit the sync",
        "Save",
        "changed",
        _of_sync,
        _update_sync,
        model=SyncChangeIn,
        current=_sync,
        options=choices.of_sync,
        plugin=lambda sync, _: ("destination", sync.destination),
        text="A new target, chain or configuration delivers everything again; what it selects only now is delivered.",
    ),
    Operation(
        "delete_sync",
        f"{APPLICATION}/syncs/{{sync}}/delete",
        Permission.SYNC_MANAGE,
        "Delete the sync",
        "Delete",
        "deleted",
        _of_sync,
        _delete_sync,
        model=SyncEndIn,
        current=_sync,
        whole=True,
        facts=_end_of_sync,
        danger=True,
    ),
    Operation(
        "update_application",
        f"{APPLICATION}/edit",
        Permission.APPLICATION_EDIT,
        "Edit the Application",
        "Save",
        "changed",
        partial(tab, "Overview", ""),
        _update_application,
        model=ApplicationChangeIn,
        current=_application,
        text="Its slug is part of the addresses of its pages, and of its URLs of ACME, EST and SCEP.",
    ),
    Operation(
        "delete_application",
        f"{APPLICATION}/delete",
        Permission.APPLICATION_DELETE,
        "Delete the Application",
        "Delete all of it",
        "deleted",
        partial(tab, "Overview", ""),
        _delete_application,
        current=_application,
        facts=_end_of_application,
        danger=True,
    ),
    Operation(
        "attach_profile",
        f"{APPLICATION}/attach-profile",
        Permission.PROFILE_ATTACH,
        "Attach a profile",
        "Attach",
        "created",
        partial(tab, "Enrollment", "/enrollment"),
        _attach,
        model=AttachIn,
        options=_attachable,
        text="Certificates of the profile can be requested here then, by the API and the console at first.",
    ),
    Operation(
        "detach_profile",
        f"{APPLICATION}/enrollment/{{profile}}/detach",
        Permission.PROFILE_ATTACH,
        "Detach the profile",
        "Detach",
        "deleted",
        partial(tab, "Enrollment", "/enrollment"),
        _detach,
        current=_attached,
        text="Nothing can be requested with it here any more. What was issued stays.",
        danger=True,
    ),
    Operation(
        "create_approval_policy",
        f"{APPLICATION}/new-approval-policy",
        Permission.APPROVAL_POLICY_MANAGE,
        "New approval policy",
        "Create",
        "created",
        approvals_tab,
        _create_policy,
        model=ApprovalPolicyIn,
        options=choices.of_approval_policy,
        groups=("renewal_preapproval",),
    ),
    Operation(
        "update_approval_policy",
        f"{APPLICATION}/approval-policies/{{approval_policy}}/edit",
        Permission.APPROVAL_POLICY_MANAGE,
        "Edit the approval policy",
        "Save",
        "changed",
        approvals_tab,
        _update_policy,
        model=ApprovalPolicyChangeIn,
        current=_policy,
        options=choices.of_approval_policy,
        groups=("renewal_preapproval",),
        text="Approvals that are open keep the policy under which they began.",
    ),
    Operation(
        "delete_approval_policy",
        f"{APPLICATION}/approval-policies/{{approval_policy}}/delete",
        Permission.APPROVAL_POLICY_MANAGE,
        "Delete the approval policy",
        "Delete",
        "deleted",
        approvals_tab,
        _delete_policy,
        current=_policy,
        text="What it guards needs no approval any more. Approvals that are open under it are cancelled.",
        danger=True,
    ),
    Operation(
        "import_certificate",
        f"{APPLICATION}/import-certificate",
        Permission.CERTIFICATE_IMPORT,
        "Import a certificate",
        "Import",
        "created",
        partial(tab, "Certificates", "/certificates"),
        _import,
        model=CertificateImportIn,
        options=lambda call, _: {"profile": choices.attached(call)},
        text="One that was issued elsewhere: it is delivered and watched like others. A private key is sealed.",
    ),
    Operation(
        "set_renewal_plan",
        "/certificates/{certificate_id}/renewal",
        Permission.CERTIFICATE_RENEW,
        "Plan the renewal",
        "Save",
        "changed",
        _of_certificate,
        _plan_renewal,
        model=RenewalPlanIn,
        current=_renewal,
        whole=True,
        groups=("renewal_override",),
        text="For this certificate and those that follow it, whatever the rule of the profile says.",
    ),
    Operation(
        "show_private_key",
        "/certificates/{certificate_id}/private-key",
        Permission.CERTIFICATE_KEY,
        "Show the private key",
        "Show it",
        "changed",
        _of_certificate,
        _show_key,
        text="Its requester sees it, once. It is in the audit log that it was shown.",
    ),
    Operation(
        "cancel_revocation_request",
        "/revocation-requests/{revocation_id}/cancel",
        Permission.CERTIFICATE_REVOKE,
        "Withdraw the revocation",
        "Withdraw",
        "deleted",
        _of_approvals,
        _cancel_revocation,
        text="The certificate stays valid, and nobody votes on its revocation any more.",
    ),
)
