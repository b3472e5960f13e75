"""What is written to a database that was restored from a backup, so that Temporal's later knowledge does no harm.

Its workflows may have gone on after the backup was made: they sent, delivered and renewed what this database does not
know of.
"""

from collections.abc import Sequence

from sqlalchemy import Update
from sqlmodel import col, update

from certrail.persistence.tables import CertificateRequest, Lineage, OutboxRow
from certrail.services.core.outbox import OpenObjects
from certrail.services.core.unit_of_work import UnitOfWork

RESTORED_IDENTITY = "restored"
"""In the place of a store's: no store has it, so that all workflows of open objects are started or signalled."""
LOST_ROUNDS = 10_000
"""More renewal rounds than a lineage has between a backup and its restore."""


def forget_later_runs(uow: UnitOfWork, kinds: Sequence[OpenObjects]) -> None:
    """Let open effects look for their objects first, and make names that Temporal does not know.

    An intent without a receipt is what a crash leaves as well: the plugin looks for the object with our mark before it
    creates one. Rounds are counted, so the next one would have the id of a workflow that has ended; a workflow of an
    earlier number finds that its round is closed, and ends. A queued message was sent since; a workflow ignores a
    reference that it has seen.
    """
    for kind in kinds:
        if "intent_at" in kind.table.model_fields:
            begun = col(kind.table.intent_at)
            _change(uow, update(kind.table).where(kind.condition, begun.is_(None)).values(intent_at=uow.now))
    for table in (Lineage, CertificateRequest):
        round_ = col(table.renewal_round)
        _change(uow, update(table).where(round_.is_not(None)).values(renewal_round=round_ + LOST_ROUNDS))
    queued = update(OutboxRow).where(col(OutboxRow.dispatched_at).is_(None))
    _change(uow, queued.values(rerun=True, signal=f"restored-{uow.new_id()}"))


def _change(uow: UnitOfWork, statement: Update) -> None:
    uow.session.exec(statement, execution_options={"synchronize_session": False})
