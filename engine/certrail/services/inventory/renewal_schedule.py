"""When each lineage is renewed next, and why then: kept beside it, so that what is due is found by an index."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session, col, select, update

from certrail.domain.errors import Conflict, NotFound
from certrail.domain.events.inventory import CertificateRenewalFailed
from certrail.domain.renewal import (
    SPREAD,
    Advice,
    RenewalOverride,
    RenewalRule,
    ValidityPeriod,
    next_try,
    plan_renewal,
)
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

RUNNING = ("pending_approval", "approved", "issuing")
AT_ONCE = 100
"""So many moments are chosen anew in the transaction that changed a rule; more are marked, and the sweep's work."""
FAILURE = ("failures", "error", "failed_at", "slot", "turn", "in_step", "late")
"""What outlives another choice of the moment, as long as the certificate is the same."""


def plan(uow: UnitOfWork, lineage: Lineage, certificate: Certificate, *, reported: bool = False) -> None:
    """Choose the next moment anew; the lineage's row is held by the caller, or new.

    Args:
        told: whether the caller has told of it already that there is no moment before the end.
    """
    rule, off = _rule(uow, lineage, certificate)
    kept = {name: value for name, value in (lineage.renewal_state or {}).items() if name in FAILURE}
    lineage.needs_replan = False
    if rule is None:
        lineage.renew_at, lineage.renewal_state = None, {"off": off}
    else:
        _choose(uow, lineage, certificate, rule, kept, tell=not reported)
    uow.session.add(lineage)


def plan_first(uow: UnitOfWork, lineage: Lineage, certificate: Certificate) -> None:
    """Choose the moment of a certificate that was just added to its lineage."""
    before = lineage.renewal_state or {}
    planned = datetime.fromisoformat(before["planned"]) if before.get("planned") else None
    near = (certificate.not_after - certificate.not_before) * SPREAD
    in_step = planned is not None and timedelta(0) <= uow.now - planned <= near
    lineage.renewal_state = {"in_step": True} if in_step else None
    # It has a moment, unless the plan says otherwise, or it came so long after its end that nobody would try any more.
    lineage.renew_at = uow.now if uow.now < life_of(certificate).last else None
    plan(uow, lineage, certificate, reported=True)
    kept = dict(lineage.renewal_state or {})
    if kept.pop("late", False):  # nobody hears of it before the certificate itself: the sweep says it
        lineage.needs_replan, lineage.renew_at, lineage.renewal_state = True, uow.now, kept


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
    lineages = select(Certificate.lineage_id).where(*which, Certificate.status == "active")
    due = update(Lineage).where(col(Lineage.id).in_(lineages)).values(needs_replan=True, renew_at=uow.now)
    uow.session.exec(due.execution_options(synchronize_session=False))


def running_renewal(session: Session, present: Certificate) -> str | None:
    """The request that renews a certificate and is not decided yet, by its id."""
    query = select(CertificateRequest.id).where(
        CertificateRequest.renews_id == present.id, col(CertificateRequest.status).in_(RUNNING)
    )
    return session.exec(query).first()


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
) -> None:
    """A renewal came to nothing: try again later where renewal is automatic, and tell of it once in a row.

    Of a certificate that another one has followed only the request itself tells: the moment is the successor's.
    """
    _, lineage = lock_lineage(uow.session, certificate.id)
    if lineage.current_certificate_id != certificate.id:
        return
    kept = dict(lineage.renewal_state or {})
    failures = int(kept.get("failures", 0)) + 1
    rule, _ = _rule(uow, lineage, certificate, tried="off" not in kept)
    again = next_try(rule, life_of(certificate), uow.now, failures) if rule and "off" not in kept else None
    lineage.renew_at = again
    reported = bool(kept.get("failures")) and again is not None
    facts: dict[str, Any] = {"failures": failures, "error": reason, "failed_at": uow.now.isoformat()}
    if rule and again is None:
        facts["off"] = "it has ended, and no try succeeded in the month after that"
    lineage.renewal_state = {**kept, **facts}
    uow.session.add(lineage)
    if not reported:
        _tell(uow, certificate, reason, again, kind=kind, request_id=request_id)


def rule_of(uow: UnitOfWork, lineage: Lineage, certificate: Certificate) -> RenewalRule | None:
    """How a certificate is renewed by itself; ``None`` when it is not."""
    return _rule(uow, lineage, certificate)[0]


def life_of(certificate: Certificate) -> ValidityPeriod:
    """From when until when it is valid, and its place in every spread."""
    return ValidityPeriod(certificate.not_before, certificate.not_after, certificate.id)


def _choose(
    uow: UnitOfWork,
    lineage: Lineage,
    certificate: Certificate,
    rule: RenewalRule,
    kept: dict[str, Any],
    *,
    tell: bool,
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
        in_step=bool(kept.get("in_step")),
    )
    reported = kept.pop("late", False)
    if chosen.late:
        kept["late"] = True
        if tell and not reported:
            _tell(uow, certificate, "there is no open window before the end", chosen.at)
    # A fleet that its authority wants replaced comes all at once: what follows is spread as if it were new.
    planned = {"planned": chosen.at.isoformat()} if chosen.at and advice is None else {}
    lineage.renew_at, lineage.renewal_state = chosen.at, {**kept, **planned, "inputs": list(chosen.inputs)}


def _tell(
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
        tried: whether it was being renewed just now; else its moment says so.
    """
    if certificate.status != "active":
        return None, f"the certificate is {certificate.status}"
    tried = tried or (lineage.renew_at is not None and "off" not in (lineage.renewal_state or {}))
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
        rule = cached(uow.session, ("rule", *where), lambda: _said(uow.session, where[0], profile))
    except NotFound:
        return None, "the profile is not attached any more"
    except ValidationError:
        return None, "the rule of its profile here cannot be read: say it anew"
    if not rule.enabled and lineage.auto_renew is not True:
        return None, "it is switched off for this profile here"
    return rule, ""


def _said(session: Session, application_id: str | None, profile: CertificateProfile) -> RenewalRule:
    settings = enrollment(session, application_id, profile).settings
    return RenewalRule.model_validate(settings.get("auto_renew", {}))
