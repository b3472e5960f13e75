"""Renewal rounds: a renewal that has to wait is handed to a workflow of its own, `renewal-{lineage}-{round}`.

While a round is open `renewal_wait` says for what it waits, and `renew_at` is empty, so that the sweep leaves the
lineage alone: one of them owns it. A round that ends never opens again; the next one has a number of its own.
"""

from datetime import datetime
from itertools import chain

from certrail.domain.renewal import BY_REQUEST, RenewalWait
from certrail.persistence.tables import Certificate, Lineage
from certrail.services.core.orchestrator import WorkflowStart
from certrail.services.core.unit_of_work import UnitOfWork


def wait_in_round(
    uow: UnitOfWork,
    lineage: Lineage,
    certificate: Certificate,
    wait: RenewalWait,
    wakes_at: datetime | None = None,
    *,
    signal: bool = True,
) -> None:
    """Open a round, or go on waiting in the open one; the lineage's row is locked by the caller.

    Args:
        wakes_at: when to look again at the latest; empty to wait for a signal.
        signal: whether the workflow must be started or signalled; not when it takes this step itself.
    """
    opens = lineage.renewal_wait is None
    if opens:
        lineage.renewal_round += 1
    lineage.renew_at, lineage.renewal_wait, lineage.renewal_wakes_at = None, wait.value, wakes_at
    uow.session.add(lineage)
    if signal or opens:
        _enqueue(uow, lineage, certificate, None if opens else uow.new_id())


def end_round(uow: UnitOfWork, lineage: Lineage, certificate: Certificate, *, signal: bool = True) -> None:
    """Close the open round, if there is one; its workflow is signalled, and ends."""
    # A round that waits for its request ends with that, which signals the workflow anyway.
    signal = signal and lineage.renewal_wait not in (None, *BY_REQUEST)
    lineage.renewal_wait = lineage.renewal_wakes_at = None
    uow.session.add(lineage)
    if signal:
        _enqueue(uow, lineage, certificate, uow.new_id())


def is_open(lineage: Lineage, round_: int) -> bool:
    """Whether this is the lineage's round and it is not over."""
    return lineage.renewal_round == round_ and lineage.renewal_wait is not None


def renewal_workflow(lineage_id: str, round_: int, *, name: str, application_id: str | None) -> WorkflowStart:
    """The workflow of a round."""
    return WorkflowStart(
        flow="renewal",
        workflow_id=f"renewal-{lineage_id}-{round_}",
        subject_id=lineage_id,
        summary=f"Renew {name}",
        application_id=application_id,
        lineage_id=lineage_id,
    )


def workflow_of(lineage: Lineage, certificate: Certificate) -> WorkflowStart:
    """The workflow of the lineage's present round."""
    name = certificate.common_name or next(
        chain.from_iterable(certificate.names.values()), certificate.serial
    )
    return renewal_workflow(
        lineage.id, lineage.renewal_round, name=name, application_id=lineage.application_id
    )


def _enqueue(uow: UnitOfWork, lineage: Lineage, certificate: Certificate, signal: str | None) -> None:
    uow.enqueue(workflow_of(lineage, certificate), signal=signal)
