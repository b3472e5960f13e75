"""Approval rows: found, and locked together with their subjects in one order."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from certrail.persistence.database import locked
from certrail.persistence.tables import ApprovalRequest, Vote
from certrail.services.approvals.subject import Subject, subject_type
from certrail.services.core.unit_of_work import UnitOfWork

APPROVE, REJECT = "approve", "reject"


class Locked(NamedTuple):
    """An approval and its subject, both `FOR NO KEY UPDATE` until the transaction ends."""

    approval: ApprovalRequest
    subject: Subject


def approval_of(session: Session, subject: Subject) -> ApprovalRequest | None:
    """The approval of a subject, if its policy asks for one. The caller holds the subject's lock."""
    query = select(ApprovalRequest).where(
        ApprovalRequest.subject_type == subject.type, ApprovalRequest.subject_id == subject.id
    )
    return session.exec(query).first()


def subjects_with_approval(session: Session, type_: str, subject_ids: Sequence[str]) -> set[str]:
    """Those of the subjects that have an approval, of whatever status; one statement for all."""
    query = select(ApprovalRequest.subject_id).where(
        ApprovalRequest.subject_type == type_, col(ApprovalRequest.subject_id).in_(subject_ids)
    )
    return set(session.exec(query).all())


def lock_approval(uow: UnitOfWork, approval_id: str) -> Locked | None:
    """An approval with its subject, locked; `None` when there is none."""
    found = uow.session.get(ApprovalRequest, approval_id)
    return next(iter(lock_approvals(uow, [found])), None) if found else None


def lock_approvals(uow: UnitOfWork, found: Sequence[ApprovalRequest]) -> Sequence[Locked]:
    """Approvals with their subjects, locked: one statement for each type of subject, and one for the approvals.

    A subject is locked before its approval, as the steps of its own workflow do, and subjects by type and id: any
    other order could end in a deadlock with a workflow or with another change of members.
    """
    ordered = sorted(found, key=lambda row: (row.subject_type, row.subject_id))
    subjects: dict[str, Subject] = {}
    for name, rows in groupby(ordered, key=lambda row: row.subject_type):
        ids = [row.subject_id for row in rows]
        subjects.update(subject_type(uow.context, name).lock(uow.session, ids))
    query = select(ApprovalRequest).where(col(ApprovalRequest.id).in_([row.id for row in ordered]))
    held = uow.session.exec(
        locked(query.order_by(col(ApprovalRequest.subject_type), col(ApprovalRequest.subject_id)))
    )
    return [Locked(row, subjects[row.subject_id]) for row in held.all() if row.subject_id in subjects]


def has_expired(approval: ApprovalRequest, now: datetime) -> bool:
    """Whether its time is over, also where its workflow has not closed it yet."""
    return approval.expires_at is not None and approval.expires_at <= now


def current_step(approval: ApprovalRequest) -> dict[str, Any]:
    """The step that waits for votes, or waited last."""
    step: dict[str, Any] = approval.policy["steps"][approval.current_step]
    return step


def max_sign_in_age(step: Mapping[str, Any]) -> timedelta | None:
    """How old the sign-in of a voter may be in a step; ``None``: as old as it likes."""
    seconds = step.get("max_sign_in_age_seconds")
    return timedelta(seconds=seconds) if seconds else None


def is_recent(auth_time: datetime | None, age: timedelta | None, now: datetime) -> bool:
    """Whether a sign-in is new enough; one whose time is not known never is."""
    return age is None or (auth_time is not None and now - auth_time <= age)


def votes_of(session: Session, approval_id: str) -> Sequence[Vote]:
    """All votes of an approval, oldest first."""
    query = select(Vote).where(Vote.approval_request_id == approval_id)
    return session.exec(query.order_by(col(Vote.created_at), col(Vote.id))).all()


def votes_of_each(session: Session, approval_ids: Sequence[str]) -> Mapping[str, Sequence[Vote]]:
    """The votes of several approvals, oldest first, by the id of each."""
    found: dict[str, list[Vote]] = {ident: [] for ident in approval_ids}
    query = select(Vote).where(col(Vote.approval_request_id).in_(approval_ids))
    for vote in session.exec(query.order_by(col(Vote.created_at), col(Vote.id))).all():
        found[vote.approval_request_id].append(vote)
    return found
