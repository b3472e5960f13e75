"""Approval policies of an Application: what needs the votes of whom."""

from typing import Annotated

from fastapi import Request, Response

from certrail.domain.access import Permission
from certrail_server.api.answers.approvals import approval_policy_answers
from certrail_server.api.guard import Call, allow
from certrail_server.console.application import ApplicationPage
from certrail_server.console.page import page_router

router = page_router("/applications/{application}/approval-policies")


@router.get("")
def list_approval_policies(
    request: Request, call: Annotated[Call, allow(Permission.APPROVAL_POLICY_READ)]
) -> Response:
    """Every policy with its steps."""
    rows = call.services.approval_policies.list(call.scope)
    return ApplicationPage(request, call).render(
        "approval_policies/list.html", policies=approval_policy_answers(call.services, rows)
    )
