"""Agents of hosts, by API; and the call by which one of them is enrolled, which needs no access token."""

from typing import Annotated

from fastapi import APIRouter, Request

from certrail.domain.access import Permission
from certrail.persistence.tables import Agent
from certrail.services.facade import Services
from certrail_server.api.enrollment.schemas import (
    AgentEnrollmentIn,
    AgentEnrollmentOut,
    AgentIn,
    AgentList,
    AgentOut,
    NewAgentOut,
)
from certrail_server.api.guard import Call, allow, idempotent

router = APIRouter(prefix="/profiles/{profile}/enrollment/api/agents", tags=["enrollment"])
public = APIRouter(tags=["enrollment"])
Manage = Annotated[Call, allow(Permission.ENROLLMENT_MANAGE)]


@router.get("")
def list_agents(profile: str, call: Manage) -> AgentList:
    """The agents of a profile, by name; their tokens are never shown again."""
    rows = call.services.agents.list(call.scope, profile)
    return AgentList(items=[AgentOut.of(row) for row in rows])


@router.post("", status_code=201)
def create_agent(profile: str, body: AgentIn, call: Manage) -> NewAgentOut:
    """Create the agent of a host. Its one-time token is in this answer and nowhere else."""
    agents = call.services.agents

    def make() -> tuple[Agent, str | None]:
        return agents.create(call.actor, call.scope, profile, **body.model_dump())

    row, token = idempotent(make, lambda ident: (agents.get(ident), None))
    return NewAgentOut.of(row, token=token)


@router.delete("/{agent}", status_code=204)
def delete_agent(profile: str, agent: str, call: Manage) -> None:
    """Delete an agent: it is refused at once, and its certificates stay valid."""
    call.services.agents.delete(call.actor, call.scope, profile, agent)


@public.post("/agents/enroll")
def enroll_agent(request: Request, body: AgentEnrollmentIn) -> AgentEnrollmentOut:
    """Enroll the agent of a host by its one-time token. Repeated with the same secret, it is answered the same."""
    services: Services = request.app.state.services
    found = services.agents.enroll(body.token.get_secret_value(), body.secret_hash, request.state.request_id)
    return AgentEnrollmentOut.of(found)
