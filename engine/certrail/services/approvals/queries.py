"""Approvals as they are listed and shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

from sqlmodel import Session, SQLModel, col, func, or_, select

from certrail.domain.errors import NotFound
from certrail.persistence.database import cached
from certrail.persistence.tables import (
    Application,
    ApprovalRequest,
    CertificateProfile,
    Membership,
    Principal,
    Vote,
)
from certrail.services.access.membership import identities_of
from certrail.services.approvals.ballot import Ballot, ballot_of, ballot_with, question_facts, voters_of
from certrail.services.approvals.eligibility import Eligibility
from certrail.services.approvals.store import votes_of, votes_of_each
from certrail.services.approvals.subject import Subject, subject_of, subject_type
from certrail.services.core.actor import Actor
from certrail.services.core.paging import PAGE, Position, newest_first
from certrail.services.core.unit_of_work import ServiceContext
from certrail_sdk import Fact

READ_AHEAD = 200
T = TypeVar("T", bound=SQLModel)


@dataclass(frozen=True)
class About:
    """An approval as it is listed.

    Attributes:
        application: slug; ``None`` in the legacy scope.
        names: those on the certificate.
        title: the question that its messages ask.
        authority: whether it is about a CA certificate.
    """

    approval: ApprovalRequest
    application: str | None
    names: Sequence[str]
    title: str
    authority: bool


@dataclass(frozen=True)
class Shown:
    """An approval as it is voted on: everything that the votes are bound to."""

    about: About
    facts: Sequence[Fact]
    ballot: Ballot
    votes: Sequence[Vote]


class ApprovalQueries:
    """Reads; each in a session of its own."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def get(self, approval_id: str) -> tuple[ApprovalRequest, Sequence[Vote]]:
        """One approval with its votes in order. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.get(ApprovalRequest, approval_id)
            if row is None:
                raise NotFound("approval request")
            return row, _votes_of(session, approval_id)

    def shown(self, approval_id: str) -> Shown:
        """One approval with all that its approvers must know. Raises NotFound."""
        with self._context.db.read() as session:
            row = session.get(ApprovalRequest, approval_id)
            if row is None:
                raise NotFound("approval request")
            subject = subject_of(self._context, session, row)
            application = session.get(Application, row.application_id) if row.application_id else None
            votes = _votes_of(session, approval_id)
            return Shown(
                about=_about(row, application.slug if application else None, subject),
                facts=question_facts(session, row, subject),
                ballot=ballot_of(session, row, votes=votes),
                votes=votes,
            )

    def shown_all(self, rows: Sequence[ApprovalRequest]) -> Sequence[Shown]:
        """Several approvals with all that their approvers must know, by a number of statements that stays small."""
        with self._context.db.read() as session:
            return self._shown_in(session, rows)

    def _shown_in(self, session: Session, rows: Sequence[ApprovalRequest]) -> Sequence[Shown]:
        subjects = self._subjects(session, rows)
        named = [subjects[row.subject_id] for row in rows]
        votes = votes_of_each(session, [row.id for row in rows])
        eligibility = Eligibility(session, rows)
        able = voters_of(rows, votes, eligibility)
        people = {ident for subject in named for ident in (subject.requester_id, subject.origin_id)}
        # Held while facts are read: the session has them then, and asks the database for none of them again.
        known = [
            *_read(session, Application, {row.application_id for row in rows}),
            *_read(session, CertificateProfile, {subject.profile_id for subject in named}),
            *_read(session, Principal, people.union(*able.values())),
        ]
        names = {row.id: row.name for row in known if isinstance(row, Principal)}
        slugs = {row.id: row.slug for row in known if isinstance(row, Application)}
        return [
            Shown(
                about=_about(row, slugs.get(row.application_id or ""), subject),
                facts=question_facts(session, row, subject),
                ballot=ballot_with(row, votes[row.id], eligibility, able[row.id], names),
                votes=votes[row.id],
            )
            for row, subject in zip(rows, named, strict=True)
        ]

    def _subjects(self, session: Session, rows: Sequence[ApprovalRequest]) -> Mapping[str, Subject]:
        """What some approvals are about, by the id of the subject. Raises NotFound."""
        found: dict[str, Subject] = {}
        by_type = sorted(rows, key=lambda row: row.subject_type)
        for name, group in groupby(by_type, key=lambda row: row.subject_type):
            found.update(subject_type(self._context, name).load(session, [row.subject_id for row in group]))
        if missing := next((row for row in rows if row.subject_id not in found), None):
            raise NotFound(missing.subject_type.replace("_", " "))
        return found

    def of_subject(self, subject_id: str) -> ApprovalRequest | None:
        """The approval that a certificate request or a revocation request needs or needed."""
        with self._context.db.read() as session:
            return session.exec(
                select(ApprovalRequest).where(ApprovalRequest.subject_id == subject_id)
            ).first()

    def list(
        self,
        application_id: str,
        *,
        status: str | None = None,
        after: Position | None = None,
        limit: int = PAGE,
    ) -> Sequence[ApprovalRequest]:
        """One page of the approvals of an Application, newest first."""
        with self._context.db.read() as session:
            query = select(ApprovalRequest).where(ApprovalRequest.application_id == application_id)
            if status:
                query = query.where(ApprovalRequest.status == status)
            return session.exec(newest_first(query, ApprovalRequest, after, limit)).all()

    def inbox(
        self, actor: Actor, *, status: str | None = None, after: Position | None = None, limit: int = PAGE
    ) -> Sequence[ApprovalRequest]:
        """One page of the approvals that the actor may vote in or has requested; newest first."""
        with self._context.db.read() as session:
            mine = identities_of(session, actor.principal_id or "")
            here = select(func.coalesce(Membership.application_id, "")).where(
                col(Membership.principal_id).in_(mine)
            )
            requested = col(ApprovalRequest.requester_id).in_(mine)
            member = func.coalesce(ApprovalRequest.application_id, "").in_(here)
            query = select(ApprovalRequest).where(or_(requested, member))
            if status:
                query = query.where(ApprovalRequest.status == status)
            found: list[ApprovalRequest] = []
            # The approvers are inside the JSON of each approval's policy: read on until the page is full.
            while len(found) < limit:
                rows = session.exec(newest_first(query, ApprovalRequest, after, READ_AHEAD)).all()
                found += [row for row in rows if row.requester_id in mine or mine & set(_approvers(row))]
                if len(rows) < READ_AHEAD:
                    break
                after = (rows[-1].created_at, rows[-1].id)
            return found[:limit]

    def about(self, rows: Sequence[ApprovalRequest]) -> Sequence[About]:
        """Approvals as they are listed."""
        with self._context.db.read() as session:
            wanted = {row.application_id for row in rows if row.application_id}
            applications = select(Application.id, Application.slug).where(col(Application.id).in_(wanted))
            slugs = dict(session.exec(applications).all())
            subjects = self._subjects(session, rows)
        return [_about(row, slugs.get(row.application_id or ""), subjects[row.subject_id]) for row in rows]


def _about(row: ApprovalRequest, application: str | None, subject: Subject) -> About:
    return About(row, application, subject.names, subject.title(), subject.is_authority)


def _read(session: Session, table: type[T], idents: Iterable[str | None]) -> Sequence[T]:
    wanted = {ident for ident in idents if ident is not None}
    named: Any = table
    return session.exec(select(table).where(col(named.id).in_(wanted))).all() if wanted else []


def _votes_of(session: Session, approval_id: str) -> Sequence[Vote]:
    """Read once in a call that only reads."""
    return cached(session, ("votes", approval_id), lambda: votes_of(session, approval_id))


def _approvers(approval: ApprovalRequest) -> list[str]:
    return [person for step in approval.policy["steps"] for person in step["approvers"]]
