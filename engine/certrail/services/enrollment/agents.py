"""Agents of hosts: enrolled by a one-time token, which becomes a principal that may request its own names only."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address

from sqlmodel import Session, col, func, select

from certrail.domain.access import AGENT
from certrail.domain.enrollment import EnrollmentMethod
from certrail.domain.errors import BadInput, Conflict, NotFound, Unauthenticated
from certrail.domain.events.access import PrincipalCreated, PrincipalDeactivated
from certrail.domain.events.enrollment import AgentCreated, AgentDeleted, AgentEnrolled
from certrail.persistence.database import locked
from certrail.persistence.tables import (
    AccessToken,
    Agent,
    Application,
    CertificateProfile,
    Enrollment,
    Principal,
)
from certrail.services.access.tokens import hash_of, insert_token
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.scopes import find_enrolled

PREFIX = "cra"
"""Of one-time tokens, so that secret scanners recognise them."""
LIFETIME, LONGEST_LIFETIME = timedelta(hours=1), timedelta(days=7)
MOST_PENDING = 1000
"""One-time tokens of one enrollment that were not used yet."""


@dataclass(frozen=True)
class EnrolledAgent:
    """What an agent learns of itself.

    Attributes:
        token: its access token up to the secret, which the agent made itself.
        application: slug; ``None`` in the legacy scope.
    """

    token: str
    name: str
    application: str | None
    profile: str
    names: Sequence[str]


class Agents:
    """Agents of all enrollments."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create(
        self,
        actor: Actor,
        application_id: str | None,
        profile: str,
        *,
        name: str,
        names: Sequence[str],
        lifetime: timedelta | None = None,
    ) -> tuple[Agent, str]:
        """Create an agent; the text of its one-time token is returned here and nowhere else.

        Args:
            names: DNS names, addresses and common names that its certificates may have.
            lifetime: of the one-time token; left out, an hour.

        Raises:
            NotFound: the profile is not attached there.
            BadInput: the lifetime is none, or longer than a week.
            Conflict: there is an agent of this name, or too many wait for their hosts.
        """
        lifetime = LIFETIME if lifetime is None else lifetime
        if not timedelta(0) < lifetime <= LONGEST_LIFETIME:
            raise BadInput("A one-time token lives for a week at most.", "lifetime")
        text = f"{PREFIX}_{secrets.token_urlsafe(32)}"
        with self._context.unit_of_work(actor) as uow:
            enrolled = find_enrolled(
                uow.session, EnrollmentMethod.API, application_id, profile, enabled_only=False
            )
            owner = enrolled.enrollment.id
            # The enrollment's row is locked while its agents are counted, or two calls could pass the limit.
            uow.session.exec(locked(select(Enrollment).where(Enrollment.id == owner))).one()
            _require_room(uow.session, owner, name)
            row = Agent(
                id=uow.new_id(),
                created_at=uow.now,
                enrollment_id=owner,
                name=name,
                names=sorted({_canonical(each) for each in names}),
                token_hash=hash_of(text),
                created_by=actor.principal_id,
                expires_at=uow.now + lifetime,
            )
            uow.session.add(row)
            uow.record(
                AgentCreated(
                    row.id,
                    application_id,
                    name=name,
                    profile=enrolled.profile.slug,
                    names=row.names,
                    expires_at=row.expires_at,
                )
            )
            return row, text

    def enroll(self, text: str, secret_hash: str, request_id: str | None = None) -> EnrolledAgent:
        """Let the agent act that shows this one-time token.

        The agent makes the secret of its access token and sends the hash alone, so that a call whose answer was lost
        can be repeated: the same token with the same hash gets the same answer.

        Args:
            secret_hash: SHA-256 of that secret, hex.

        Raises:
            Unauthenticated: the token is unknown, expired, or used with another secret.
        """
        refused = Unauthenticated(
            "Give the one-time token of an agent that was not used yet, within its lifetime."
        )
        with self._context.unit_of_work(replace(SYSTEM, request_id=request_id, may_vote=False)) as uow:
            # Locked: of two hosts with one token, the second finds it used once the first has committed.
            row = uow.session.exec(locked(select(Agent).where(Agent.token_hash == hash_of(text)))).first()
            if row is None:
                raise refused
            if row.principal_id is not None:
                return self._again(uow.session, row, secret_hash, refused)
            if row.expires_at is None or row.expires_at <= uow.now:
                raise refused
            principal = Principal(
                id=uow.new_id(),
                created_at=uow.now,
                kind=AGENT,
                slug=f"agent-{row.id}",
                name=f"agent {row.name}",
            )
            uow.session.add(principal)
            uow.session.flush()
            uow.record(PrincipalCreated(principal.id, kind=AGENT, name=principal.name, product_role=None))
            _, token = insert_token(uow, principal, row.name, secret_hash=secret_hash)
            row.principal_id, row.enrolled_at, row.expires_at = principal.id, uow.now, None
            uow.session.add(row)
            found = _described(uow.session, row, token)
            uow.record(
                AgentEnrolled(
                    row.id,
                    _enrollment(uow.session, row).application_id,
                    name=row.name,
                    profile=found.profile,
                    principal_id=principal.id,
                )
            )
            return found

    def list(self, application_id: str | None, profile: str) -> Sequence[Agent]:
        """Those of a profile, by name. Raises NotFound."""
        with self._context.db.read() as session:
            enrolled = find_enrolled(
                session, EnrollmentMethod.API, application_id, profile, enabled_only=False
            )
            query = select(Agent).where(Agent.enrollment_id == enrolled.enrollment.id)
            return session.exec(query.order_by(Agent.name)).all()

    def get(self, agent_id: str) -> Agent:
        """One agent. Raises NotFound."""
        with self._context.db.read() as session:
            if (row := session.get(Agent, agent_id)) is None:
                raise NotFound("agent")
            return row

    def delete(self, actor: Actor, application_id: str | None, profile: str, agent: str) -> None:
        """Refuse an agent from now on, enrolled or not. Its certificates stay valid.

        Raises:
            NotFound: the profile has no agent of this name or id.
        """
        with self._context.unit_of_work(actor) as uow:
            enrolled = find_enrolled(
                uow.session, EnrollmentMethod.API, application_id, profile, enabled_only=False
            )
            query = select(Agent).where(
                Agent.enrollment_id == enrolled.enrollment.id,
                (col(Agent.id) == agent) | (col(Agent.name) == agent),
            )
            if (row := uow.session.exec(locked(query)).first()) is None:
                raise NotFound("agent", agent)
            _deactivate(uow, row.principal_id)
            uow.session.delete(row)
            uow.record(
                AgentDeleted(
                    row.id,
                    application_id,
                    name=row.name,
                    profile=enrolled.profile.slug,
                    principal_id=row.principal_id,
                )
            )

    def _again(
        self, session: Session, row: Agent, secret_hash: str, refused: Unauthenticated
    ) -> EnrolledAgent:
        query = select(AccessToken).where(AccessToken.principal_id == row.principal_id)
        for token in session.exec(query).all():
            if token.revoked_at is None and secrets.compare_digest(token.secret_hash, secret_hash):
                return _described(session, row, f"crt_{token.id}_")
        raise refused


def _require_room(session: Session, enrollment_id: str, name: str) -> None:
    of_enrollment = Agent.enrollment_id == enrollment_id
    if session.exec(select(Agent.id).where(of_enrollment, Agent.name == name)).first() is not None:
        raise Conflict(f"There is an agent {name!r} already; delete it, or give this one another name.")
    pending = select(func.count()).select_from(Agent).where(of_enrollment, col(Agent.principal_id).is_(None))
    if session.exec(pending).one() >= MOST_PENDING:
        raise Conflict(f"{MOST_PENDING} agents wait for their hosts; delete one first.", kind="too-many")


def _deactivate(uow: UnitOfWork, principal_id: str | None) -> None:
    if principal_id is None:
        return
    principal = uow.session.get_one(Principal, principal_id)
    principal.active = False
    uow.session.add(principal)
    uow.record(PrincipalDeactivated(principal.id, name=principal.name))


def _enrollment(session: Session, row: Agent) -> Enrollment:
    return session.get_one(Enrollment, row.enrollment_id)


def _described(session: Session, row: Agent, token: str) -> EnrolledAgent:
    enrollment = _enrollment(session, row)
    profile = session.get_one(CertificateProfile, enrollment.profile_id).slug
    owner = session.get(Application, enrollment.application_id) if enrollment.application_id else None
    return EnrolledAgent(token, row.name, owner.slug if owner else None, profile, row.names)


def _canonical(name: str) -> str:
    """An address as certificates are compared by; any other name in lower case."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower()
