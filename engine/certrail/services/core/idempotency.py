"""`Idempotency-Key`: the same create call twice is one object.

The key is stored in the transaction that makes the object, so no crash can part the two.
"""

from datetime import datetime

from sqlmodel import Session

from certrail.domain.errors import Conflict
from certrail.persistence.tables import IdempotencyKeyRow
from certrail.services.core.actor import Actor


class AlreadyDone(Exception):
    """This call was done before; `subject_id` is what it created."""

    def __init__(self, subject_id: str) -> None:
        super().__init__(subject_id)
        self.subject_id = subject_id


def refuse_repeated(session: Session, actor: Actor) -> None:
    """Stop a call that was done before.

    Raises:
        AlreadyDone: the same call.
        Conflict: another call under the same key.
    """
    if actor.idempotency_key is None:
        return
    row = session.get(IdempotencyKeyRow, (actor.principal_id, actor.idempotency_key.key))
    if row is None:
        return
    if row.fingerprint != actor.idempotency_key.fingerprint:
        raise Conflict(
            "This Idempotency-Key was used for a different call. Use a new key.", kind="idempotency-mismatch"
        )
    raise AlreadyDone(row.subject_id)


def remember(session: Session, actor: Actor, subject_id: str | None, now: datetime) -> None:
    """Store the key with what the call created."""
    if actor.idempotency_key is None or actor.principal_id is None or subject_id is None:
        return
    session.add(
        IdempotencyKeyRow(
            principal_id=actor.principal_id,
            key=actor.idempotency_key.key,
            fingerprint=actor.idempotency_key.fingerprint,
            created_at=now,
            subject_id=subject_id,
        )
    )
