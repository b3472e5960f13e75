"""When each lineage is renewed next, and why then: kept beside it, so that what is due is found by an index."""

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, col, select

from certrail.domain.errors import NotFound
from certrail.domain.renewal import RenewalRule, plan_renewal, wait_after
from certrail.persistence.tables import Certificate, CertificateProfile, CertificateRequest, Lineage
from certrail.services.enrollment import enrollment
from certrail.services.kernel import Change

RUNNING = ("pending_approval", "approved")


def plan(change: Change, lineage: Lineage, certificate: Certificate) -> None:
    """Choose the next moment anew; the lineage's row is held by the caller, or new."""
    rule, off = _rule(change, lineage, certificate)
    if rule is None:
        lineage.renew_at, lineage.renewal = None, {"off": off}
    else:
        chosen = plan_renewal(rule, certificate.not_before, certificate.not_after, certificate.id)
        lineage.renew_at, lineage.renewal = chosen.at, {"inputs": list(chosen.inputs)}
    change.session.add(lineage)


def replan(change: Change, application_id: str | None, profile_id: str) -> None:
    """Choose the moments of all present certificates of a profile somewhere anew."""
    query = (
        select(Lineage, Certificate)
        .join(Certificate, col(Lineage.current_certificate_id) == col(Certificate.id))
        .where(Certificate.application_id == application_id, Certificate.profile_id == profile_id)
    )
    for lineage, certificate in change.session.exec(query).all():
        if running_renewal(change.session, certificate) is None:
            plan(change, lineage, certificate)


def running_renewal(session: Session, present: Certificate) -> str | None:
    """The request that renews a certificate and is not decided yet, by its id."""
    query = select(CertificateRequest.id).where(
        CertificateRequest.renews_id == present.id, col(CertificateRequest.status).in_(RUNNING)
    )
    return session.exec(query).first()


def running_renewals(session: Session, certificates: Iterable[str | None]) -> frozenset[str | None]:
    """Those of the certificates that a request which is not decided yet renews."""
    query = select(CertificateRequest.renews_id).where(
        col(CertificateRequest.renews_id).in_(certificates), col(CertificateRequest.status).in_(RUNNING)
    )
    return frozenset(session.exec(query))


def note_failure(change: Change, certificate: Certificate, reason: str, **data: Any) -> None:
    """A renewal came to nothing: try again later where renewal is automatic, and tell of it once in a row."""
    lineage = change.session.get_one(Lineage, certificate.lineage_id)
    kept = dict(lineage.renewal or {})
    failures = int(kept.get("failures", 0)) + 1
    again = change.now + wait_after(failures)
    automatic = "off" not in kept and certificate.status == "active" and again < certificate.not_after
    lineage.renew_at = again if automatic else None
    told = bool(kept.get("failures")) and automatic
    lineage.renewal = {
        **kept,
        "failures": failures,
        "error": reason,
        "failed_at": change.now.isoformat(),
    }
    change.session.add(lineage)
    if not told:
        change.event(
            "certificate.renewal_failed",
            "certificate",
            certificate.id,
            certificate.application_id,
            lineage_id=lineage.id,
            common_name=certificate.common_name,
            not_after=certificate.not_after.isoformat(),
            reason=reason,
            next_try_at=again.isoformat() if automatic else None,
            **data,
        )


def _rule(change: Change, lineage: Lineage, certificate: Certificate) -> tuple[RenewalRule | None, str]:
    """How a certificate is renewed by itself, or why it is not."""
    if certificate.status != "active":
        return None, f"the certificate is {certificate.status}"
    if certificate.not_after <= change.now:
        return None, "it has ended"
    if certificate.profile_id is None:
        return None, "it was imported without a profile, so nothing says who would issue the next one"
    if certificate.key_sealed is None:
        return None, "its key is not held here: whoever holds it renews it"
    if lineage.auto_renew is False:
        return None, "it is switched off for this certificate"
    profile = change.session.get_one(CertificateProfile, certificate.profile_id)
    try:
        settings = enrollment(change.session, certificate.application_id, profile)
    except NotFound:
        return None, "the profile is not attached any more"
    rule = RenewalRule.model_validate(settings.get("auto_renew", {}))
    if not rule.enabled and lineage.auto_renew is not True:
        return None, "it is switched off for this profile here"
    return rule, ""
