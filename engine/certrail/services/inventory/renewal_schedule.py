"""When each lineage is renewed next, and why then: a column with an index, so that due rows are found at once."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session, col, select, update
from sqlmodel.sql.expression import SelectOfScalar

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.events.inventory import CertificateRenewalFailed
from certrail.domain.renewal import (
    BY_REQUEST,
    SPREAD,
    Advice,
    Plan,
    RenewalOverride,
    RenewalRule,
    RenewalState,
    RenewalWait,
    ValidityPeriod,
    next_try,
    plan_renewal,
)
from certrail.domain.states import CertificateStatus, RequestStatus
from certrail.persistence.database import cached
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificateAuthority,
    CertificateProfile,
    CertificateRequest,
    Lineage,
)
from certrail.services.catalog.enrollment import enrollment
from certrail.services.core.unit_of_work import UnitOfWork
from certrail.services.inventory.lineages import lock_lineage
from certrail.services.inventory.renewal_rounds import end_round, wait_in_round

RUNNING = (RequestStatus.PENDING_APPROVAL, RequestStatus.APPROVED, RequestStatus.ISSUING)
AT_ONCE = 100
"""So many lineages are planned anew in the transaction that changed a rule; more are marked, and the sweep's work."""


def plan(uow: UnitOfWork, lineage: Lineage, certificate: Certificate, *, reported: bool = False) -> None:
    """Plan the next renewal anew; the lineage's row is locked by the caller, or new.

    A round that waits for anything but its request ends: what it would do is the sweep's work again.

    Args:
        reported: whether the caller recorded already that there is no time before the expiry.
    """
    if lineage.renewal_wait is not None and lineage.renewal_wait not in BY_REQUEST:
        lineage.renew_at = lineage.renew_at or uow.now  # it is being tried, which counts after its expiry
        end_round(uow, lineage, certificate)
    refresh(uow, lineage, certificate, reported=reported)
    if lineage.renewal_wait is not None:
        lineage.renew_at = None  # the request that is open is the next renewal


def refresh(uow: UnitOfWork, lineage: Lineage, certificate: Certificate, *, reported: bool = False) -> None:
    """Apply the rule of this moment to `renew_at`; a round goes on."""
    rule, off = _rule(uow, lineage, certificate)
    kept = state_of(lineage).kept()
    lineage.needs_replan = False
    if rule is None:
        lineage.renew_at, lineage.renewal_state = None, RenewalState(off=off).stored()
    else:
        _choose(uow, lineage, certificate, rule, kept, report=not reported)
    uow.session.add(lineage)


def state_of(lineage: Lineage) -> RenewalState:
    """Why the lineage is renewed when it is."""
    return RenewalState.of(lineage.renewal_state)


def plan_first(uow: UnitOfWork, lineage: Lineage, certificate: Certificate) -> None:
    """Plan the renewal of a certificate that was just added to its lineage."""
    planned = state_of(lineage).planned
    near = (certificate.not_after - certificate.not_before) * SPREAD
    staggered = planned is not None and timedelta(0) <= uow.now - planned <= near
    if lineage.renewal_wait is not None:
        end_round(uow, lineage, certificate)
    lineage.renewal_state = RenewalState(staggered=staggered).stored()
    # It has a time, unless the plan says otherwise, or it came so long after its expiry that nobody would try any more.
    lineage.renew_at = uow.now if uow.now < life_of(certificate).last else None
    refresh(uow, lineage, certificate, reported=True)
    state = state_of(lineage)
    if state.no_window_reported:  # the event must follow that of the certificate itself: the sweep records it
        lineage.needs_replan, lineage.renew_at = True, uow.now
        lineage.renewal_state = state.but(no_window_reported=False).stored()


def replan(uow: UnitOfWork, application_id: str | None, profile_id: str) -> None:
    """Choose the moments of all present certificates of a profile somewhere anew.

    Few get theirs at once. Of many, each is marked, and the sweep chooses in its own chunks: none is renewed because
    of the mark.
    """
    of_profile = (Certificate.application_id == application_id, Certificate.profile_id == profile_id)
    query = (
        select(Lineage, Certificate)
        .join(Certificate, col(Lineage.current_certificate_id) == col(Certificate.id))
        .where(*of_profile)
        .limit(AT_ONCE + 1)
    )
    rows = uow.session.exec(query).all()
    if len(rows) > AT_ONCE:
        mark(uow, *of_profile)
        return
    running = running_renewals(uow.session, (certificate.id for _, certificate in rows))
    for lineage, certificate in rows:
        if certificate.id not in running:
            plan(uow, lineage, certificate)


def mark(uow: UnitOfWork, *which: Any) -> None:
    """Have the sweep choose the moments of these certificates anew, by one cheap statement for any number."""
    lineages = select(Certificate.lineage_id).where(*which, Certificate.status == CertificateStatus.ACTIVE)
    due = update(Lineage).where(col(Lineage.id).in_(lineages)).values(needs_replan=True, renew_at=uow.now)
    uow.session.exec(due.execution_options(synchronize_session=False))


def running_renewal(session: Session, present: Certificate) -> str | None:
    """The request that renews a certificate and is not decided yet, by its id."""
    return session.exec(_running(present.id)).first()


def with_running_renewal(session: Session, present: Certificate) -> tuple[Lineage, str | None]:
    """The lineage of a certificate, and the request that renews it, by one statement."""
    running = _running(present.id).limit(1).scalar_subquery()
    return session.exec(select(Lineage, running).where(Lineage.id == present.lineage_id)).one()


def _running(certificate_id: str) -> SelectOfScalar[str]:
    return select(CertificateRequest.id).where(
        CertificateRequest.renews_id == certificate_id, col(CertificateRequest.status).in_(RUNNING)
    )


def refuse_second(session: Session, present: Certificate) -> None:
    """Raises Conflict while a request renews this certificate; its lineage is held by the caller."""
    if (running := running_renewal(session, present)) is not None:
        raise Conflict(
            f"The certificate is being renewed by the request {running}.",
            kind="renewal-open",
            request=running,
        )


def running_renewals(session: Session, certificates: Iterable[str | None]) -> frozenset[str | None]:
    """Those of the certificates that a request which is not decided yet renews."""
    query = select(CertificateRequest.renews_id).where(
        col(CertificateRequest.renews_id).in_(certificates), col(CertificateRequest.status).in_(RUNNING)
    )
    return frozenset(session.exec(query))


def note_failure(
    uow: UnitOfWork,
    certificate: Certificate,
    reason: str,
    *,
    kind: str | None = None,
    request_id: str | None = None,
    signal: bool = True,
) -> None:
    """A renewal came to nothing: wait for the next attempt in a round, and record the first failure of a series.

    Of a certificate that another one has followed only the request itself tells: the plan is the successor's.

    Args:
        signal: whether the workflow of the round must be started or signalled; not when it takes this step itself.
    """
    _, lineage = lock_lineage(uow.session, certificate.id)
    if lineage.current_certificate_id != certificate.id:
        return
    state = state_of(lineage)
    failures = state.failures + 1
    rule, _ = _rule(uow, lineage, certificate, tried=state.off is None)
    again = next_try(rule, life_of(certificate), uow.now, failures) if rule and state.off is None else None
    reported = state.failures > 0 and again is not None
    given_up = (
        "it has ended, and no try succeeded in the month after that" if rule and again is None else state.off
    )
    lineage.renewal_state = state.but(
        failures=failures, error=reason, failed_at=uow.now, off=given_up
    ).stored()
    if again is not None:
        wait_in_round(uow, lineage, certificate, RenewalWait.RETRY, again, signal=signal)
    else:
        lineage.renew_at = None
        end_round(uow, lineage, certificate, signal=signal)
    if not reported:
        _report(uow, certificate, reason, again, kind=kind, request_id=request_id)


def rule_of(uow: UnitOfWork, lineage: Lineage, certificate: Certificate) -> RenewalRule | None:
    """How a certificate is renewed by itself; ``None`` when it is not."""
    return _rule(uow, lineage, certificate)[0]


def suggested_plan(
    session: Session, lineage: Lineage, certificate: Certificate, now: datetime
) -> tuple[Plan, Advice | None]:
    """When the holder of a certificate's key should renew it: the plan of one whose key is held here.

    The authority's advice that went into it is returned, too.

    A time that was missed stays as it is, in the past, while renewals may happen; else it moves to the next open time.
    A rule that is switched off still says when.
    """
    try:
        assert certificate.profile_id is not None, "a protocol issues by a profile"
        profile = session.get_one(CertificateProfile, certificate.profile_id)
        rule = _configured_rule(session, certificate.application_id, profile)
    except (NotFound, ValidationError):
        rule = RenewalRule()
    said = lineage.renewal_override
    advice = _advice(session, certificate)
    how: dict[str, Any] = {
        "override": RenewalOverride.model_validate(said) if said else None,
        "advice": advice,
    }
    missed = plan_renewal(rule, life_of(certificate), **how)
    if missed.at is not None and (missed.at > now or rule.open_at(now)):
        return missed, advice
    return plan_renewal(rule, life_of(certificate), now=now, **how), advice


def life_of(certificate: Certificate) -> ValidityPeriod:
    """From when until when it is valid, and its place in every spread."""
    return ValidityPeriod(certificate.not_before, certificate.not_after, certificate.id)


def _choose(
    uow: UnitOfWork,
    lineage: Lineage,
    certificate: Certificate,
    rule: RenewalRule,
    kept: RenewalState,
    *,
    report: bool,
) -> None:
    advice = _advice(uow.session, certificate)
    chosen = plan_renewal(
        rule,
        life_of(certificate),
        now=uow.now,
        override=RenewalOverride.model_validate(lineage.renewal_override)
        if lineage.renewal_override
        else None,
        advice=advice,
        in_step=kept.staggered,
    )
    if chosen.late and report and not kept.no_window_reported:
        _report(uow, certificate, "there is no open window before the end", chosen.at)
    # A fleet that its authority wants replaced comes all at once: what follows is spread as if it were new.
    planned = chosen.at if advice is None else None
    lineage.renew_at = chosen.at
    lineage.renewal_state = kept.but(
        inputs=chosen.inputs, planned=planned, no_window_reported=chosen.late
    ).stored()


def _report(
    uow: UnitOfWork,
    certificate: Certificate,
    reason: str,
    again: datetime | None,
    *,
    kind: str | None = None,
    request_id: str | None = None,
) -> None:
    uow.record(
        CertificateRenewalFailed(
            certificate.id,
            certificate.application_id,
            lineage_id=certificate.lineage_id,
            common_name=certificate.common_name,
            not_after=certificate.not_after,
            reason=reason,
            next_try_at=again,
            kind=kind,
            request_id=request_id,
        )
    )


def _advice(session: Session, certificate: Certificate) -> Advice | None:
    """The window in which the certificate's authority wants what it had issued by then replaced."""
    if certificate.ca_certificate_id is None:
        return None
    issuer = session.get_one(CaCertificate, certificate.ca_certificate_id)
    said = session.get_one(CertificateAuthority, issuer.ca_id).advice
    if said is None or certificate.created_at >= datetime.fromisoformat(said["issued_before"]):
        return None
    return Advice.model_validate({name: said[name] for name in Advice.model_fields})


def _rule(
    uow: UnitOfWork, lineage: Lineage, certificate: Certificate, *, tried: bool = False
) -> tuple[RenewalRule | None, str]:
    """How a certificate is renewed by itself, or why it is not.

    Args:
        tried: whether it was being renewed just now; else its plan says so.
    """
    if certificate.status != CertificateStatus.ACTIVE:
        return None, f"the certificate is {certificate.status}"
    due = lineage.renew_at is not None or lineage.renewal_wait is not None
    tried = tried or (due and state_of(lineage).off is None)
    if certificate.not_after <= uow.now and not tried:
        return None, "it has ended"
    if certificate.profile_id is None:
        return None, "it was imported without a profile, so nothing says who would issue the next one"
    if certificate.key_sealed is None:
        return None, "its key is not held here: whoever holds it renews it"
    if lineage.auto_renew is False:
        return None, "it is switched off for this certificate"
    profile = uow.session.get_one(CertificateProfile, certificate.profile_id)
    where = (certificate.application_id, profile.id)
    try:
        rule = cached(uow.session, ("rule", *where), lambda: _configured_rule(uow.session, where[0], profile))
    except NotFound:
        return None, "the profile is not attached any more"
    except ValidationError:
        return None, "the rule of its profile here cannot be read: say it anew"
    if not rule.enabled and lineage.auto_renew is not True:
        return None, "it is switched off for this profile here"
    return rule, ""


def _configured_rule(
    session: Session, application_id: str | None, profile: CertificateProfile
) -> RenewalRule:
    settings = enrollment(session, application_id, profile).settings
    return RenewalRule.model_validate(settings.get("auto_renew", {}))
