"""Issuance in bulk: accepted requests that wait for nothing, a chunk of them in one transaction."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel import Session, col, select

from certrail.checkpoints import checkpoint
from certrail.domain.content import KeyAlgorithm
from certrail.domain.states import RequestStatus
from certrail.persistence.database import locked, session_cache
from certrail.persistence.tables import CertificateRequest
from certrail.services.approvals.store import subjects_with_approval
from certrail.services.core.actor import SYSTEM
from certrail.services.core.failure import place
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.desired_state import share_scope
from certrail.services.issuance.issuance import Issuance, SignedRequest
from certrail.services.issuance.leaf import SubjectKey, new_key
from certrail.services.issuance.state import FINAL, enqueue_issuance, is_independent
from certrail.services.issuance.subject import CERTIFICATE_REQUEST

log = logging.getLogger(__name__)

LONGEST_KEYS = 1.0
"""Seconds for which keys are made before the transaction that uses them: large RSA keys take long."""
LONGEST = 0.15
"""Seconds that a transaction takes more requests for: on SQLite others wait to write meanwhile."""
Keys = Mapping[str, SubjectKey | None]


class Taken(NamedTuple):
    """A locked request.

    Attributes:
        key: a new one; ``None`` where it has one or needs none.
        guarded: it has an approval, with which its own workflow compares what is signed.
    """

    row: CertificateRequest
    key: SubjectKey | None
    guarded: bool


class IssuanceBatch:
    """The steps of a batch's workflow. Any step may run twice: the state of each request under its lock decides."""

    def __init__(self, context: ServiceContext, issuance: Issuance) -> None:
        self._context = context
        self._issuance = issuance

    def advance(self, request_ids: Sequence[str]) -> Sequence[str]:
        """Issue a chunk of these requests; returns the ids of those that are left for the next chunk.

        Whatever cannot be issued at once gets its own workflow, by an outbox row of the same transaction: there it
        waits, or fails with its reason.
        """
        checkpoint("issuance_batch.begin")
        keys = self._generate_keys(request_ids)
        done = self._chunk(keys)
        return [ident for ident in request_ids if ident not in done]

    def start_own_workflows(self, request_ids: Sequence[str]) -> None:
        """Start the own workflows of those of the requests that are open."""
        with self._context.unit_of_work(SYSTEM) as uow:
            for row in _lock_requests(uow.session, request_ids):
                if row.status not in FINAL:
                    enqueue_issuance(uow, row)
        checkpoint("issuance_batch.apart")

    def _generate_keys(self, request_ids: Sequence[str]) -> dict[str, SubjectKey | None]:
        """The first of the requests, as many as there is time for, with new keys for those that need one.

        Outside of the transaction: no row is locked meanwhile. Requests that were deleted have nothing to wait for.
        """
        query = select(CertificateRequest.id, CertificateRequest.status, CertificateRequest.content)
        with self._context.db.read() as session:
            rows = session.exec(query.where(col(CertificateRequest.id).in_(request_ids))).all()
        wanted = {
            ident: KeyAlgorithm(content["key_algorithm"])
            for ident, status, content in rows
            if status == RequestStatus.APPROVED and not content.get("csr")
        }
        keys: dict[str, SubjectKey | None] = {}
        began = monotonic()
        for ident in request_ids:
            if keys and monotonic() - began >= LONGEST_KEYS:
                break  # this one and all after it are left to the next chunk
            keys[ident] = new_key(wanted[ident]) if ident in wanted else None
        return keys

    def _chunk(self, keys: Keys) -> set[str]:
        """Returns the ids of the requests with which this batch is done."""
        for issue in (self._issue_together, self._issue_one_by_one):
            try:
                return self._transaction(keys, issue)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                # One of them cannot be issued, and took the others with it: now each stands for itself.
                log.info("a chunk could not be issued: %s at %s", type(error).__name__, place(error))
        self.start_own_workflows(list(keys))
        return set(keys)

    def _transaction(self, keys: Keys, issue: Callable[[UnitOfWork, Iterable[Taken]], None]) -> set[str]:
        with self._context.unit_of_work(SYSTEM) as uow, session_cache(uow.session):
            rows = _lock_requests(uow.session, list(keys))
            guarded = subjects_with_approval(uow.session, CERTIFICATE_REQUEST, [row.id for row in rows])
            # Before any savepoint: a rollback to one would release a lock that was taken after it.
            for application_id in sorted({row.application_id for row in rows}, key=str):
                share_scope(uow.session, application_id)
            left = {row.id for row in rows}
            issue(uow, _in_time([Taken(row, keys[row.id], row.id in guarded) for row in rows], left))
            checkpoint("issuance_batch.signed")
        checkpoint("issuance_batch.committed")
        return set(keys) - left

    def _issue_together(self, uow: UnitOfWork, requests: Iterable[Taken]) -> None:
        """Without a savepoint for each: they succeed together, as nearly all chunks do, or nothing was done."""
        signed = [self._sign(uow, taken) for taken in requests]
        for one in signed:
            if one is not None:
                self._issuance.announce(uow, one)

    def _issue_one_by_one(self, uow: UnitOfWork, requests: Iterable[Taken]) -> None:
        for taken in requests:
            ident = taken.row.id
            try:
                with uow.attempt():
                    if (signed := self._sign(uow, taken)) is not None:
                        self._issuance.announce(uow, signed)
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                log.info("request %s is left to its own workflow: %s", ident, type(error).__name__)
                enqueue_issuance(uow, taken.row)

    def _sign(self, uow: UnitOfWork, taken: Taken) -> SignedRequest | None:
        """``None`` where its own workflow goes on with it, or it is final."""
        if taken.row.status in FINAL:
            return None
        signed = None
        if not taken.guarded and is_independent(taken.row):
            signed = self._issuance.sign(uow, taken.row, key=taken.key)
        if signed is None:
            enqueue_issuance(uow, taken.row)
        return signed


def _in_time(requests: Sequence[Taken], left: set[str]) -> Iterator[Taken]:
    """As many as there is time for, at least one; their ids are taken out of `left`."""
    began = monotonic()
    for number, taken in enumerate(requests, start=1):
        if number > 1 and monotonic() - began >= LONGEST:
            return
        left.discard(taken.row.id)
        yield taken
        checkpoint(f"issuance_batch.item.{number}")


def _lock_requests(session: Session, request_ids: Sequence[str]) -> Sequence[CertificateRequest]:
    """The rows, locked in the order of their ids, as approvals lock several: any other could end in a deadlock."""
    query = select(CertificateRequest).where(col(CertificateRequest.id).in_(request_ids))
    return session.exec(locked(query.order_by(col(CertificateRequest.id)))).all()
