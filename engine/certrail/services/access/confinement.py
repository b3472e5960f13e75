"""What the agent of one host may do: certificates of its own, of one profile, with the names that it was given."""

from sqlmodel import Session, col, select

from certrail.domain.content import RequestContent
from certrail.domain.errors import Forbidden
from certrail.persistence.tables import Agent, Enrollment
from certrail.services.core.actor import Actor, Confinement


def confinement_of(session: Session, principal_id: str) -> Confinement | None:
    """Of an agent's principal; ``None`` once its agent was deleted: then it may do nothing."""
    query = (
        select(Agent.names, Enrollment.application_id, Enrollment.profile_id)
        .join(Enrollment, col(Enrollment.id) == col(Agent.enrollment_id))
        .where(Agent.principal_id == principal_id)
    )
    found = session.exec(query).first()
    if found is None:
        return None
    names, application_id, profile_id = found
    return Confinement(application_id, profile_id, frozenset(name.lower() for name in names))


def refuse_outside(
    actor: Actor, application_id: str | None, profile_id: str, content: RequestContent
) -> None:
    """Refuse a request of an agent that is for something else; called for every request, whatever it comes from.

    Raises:
        Forbidden: another Application, profile or name, or a certificate of an authority.
    """
    limits = actor.confinement
    if limits is None:
        return
    if (application_id, profile_id) != (limits.application_id, limits.profile_id):
        raise Forbidden("This agent was enrolled for another Application or profile.", kind="outside-agent")
    given = {str(name).lower() for names in content.sans.model_dump().values() for name in names}
    if content.subject.common_name:
        given.add(content.subject.common_name.lower())
    if foreign := sorted(given - limits.names):
        raise Forbidden(
            f"This agent was enrolled for other names: {', '.join(foreign)} is not among them.",
            kind="outside-agent",
        )
    if content.basic_constraints.ca:
        raise Forbidden("An agent requests no certificates of authorities.", kind="outside-agent")
