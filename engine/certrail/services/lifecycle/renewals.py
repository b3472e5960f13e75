"""Renewal: a new certificate for a lineage, in the place of the present one. There is one path for every cause."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from sqlmodel import Session

from certrail.domain.content import RequestContent, fitting_usages
from certrail.domain.enrollment import RequestOrigin
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.events.lifecycle import CertificateRenewalDecided
from certrail.domain.renewal import RenewalOverride
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import Certificate, CertificateProfile, CertificateRequest, Lineage
from certrail.pki.csr import certificate_content, read_csr
from certrail.services.catalog.enrollment import enrollment
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.inventory.lineages import lock_current
from certrail.services.inventory.renewal_schedule import (
    plan,
    refuse_second,
    state_of,
    suggested_plan,
    with_running_renewal,
)
from certrail.services.issuance.acceptance import accept, refusals_recorded
from certrail.services.issuance.requests import checked_attributes, parsed_content


class Renewals:
    """The old certificate stays valid, is superseded when the new one is issued, and cannot be renewed again."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def renew(
        self,
        actor: Actor,
        certificate_id: str,
        *,
        csr: str | None = None,
        same_key: bool = False,
        changes: Mapping[str, Any] | None = None,
    ) -> CertificateRequest:
        """Ask for the next certificate of a lineage: the same names and lifetime, with a new key.

        Args:
            csr: PKCS#10, PEM, of the new key, where the requester keeps it.
            same_key: keep the present key instead.
            changes: ``{"attributes": {...}}`` replaces the metadata, ``{"attributes": None}`` clears it; left out, it
                is carried over.

        Raises:
            NotFound: the certificate, or its profile is attached no more.
            BadInput: the choice of the key does not fit the certificate.
            PolicyViolation: the certificate policy denies it now; the refusal is on record.
            Conflict: it is superseded or revoked, has no profile, or is being renewed.
        """
        with self._context.db.read() as session:
            present = session.get(Certificate, certificate_id)
            if present is None:
                raise NotFound("certificate")
            profile = renewal_profile(session, present)
            content = renewal_content(session, present, csr, same_key)
        attributes = checked_attributes((changes or {}).get("attributes", present.attributes) or {})
        with (
            refusals_recorded(self._context, actor, present.application_id, profile, content, present),
            self._context.unit_of_work(actor) as uow,
        ):
            current = lock_current(uow.session, certificate_id)
            refuse_second(uow.session, current)
            return accept(
                uow,
                current.application_id,
                uow.session.get_one(CertificateProfile, profile.id),
                content,
                attributes,
                origin=RequestOrigin.RENEWAL,
                renews=current,
                same_key=same_key,
            ).request

    def explained(self, certificate_id: str) -> dict[str, Any]:
        """When a certificate is renewed by itself and why then, or why it is not, and what failed. Raises NotFound."""
        with self._context.db.read() as session:
            certificate = session.get(Certificate, certificate_id)
            if certificate is None:
                raise NotFound("certificate")
            lineage, running = with_running_renewal(session, certificate)
            if lineage.current_certificate_id != certificate_id:
                newer = lineage.current_certificate_id
                return {"renew_at": None, "off": f"superseded by {newer}", "superseded_by": newer}
            return {
                "renew_at": lineage.renew_at or lineage.renewal_wakes_at,
                "auto_renew": lineage.auto_renew,
                "request": running,
                "renewal_override": lineage.renewal_override,
                "suggested_at": self._suggested_at(session, lineage, certificate),
                "needs_replan": lineage.needs_replan,
                "waits_for": lineage.renewal_wait,
                **state_of(lineage).explained(),
            }

    def _suggested_at(self, session: Session, lineage: Lineage, certificate: Certificate) -> datetime | None:
        """When its holder should renew a certificate whose key is not held here."""
        if certificate.key_sealed is not None or certificate.profile_id is None:
            return None
        if certificate.status != CertificateStatus.ACTIVE:
            return None
        suggested, _ = suggested_plan(session, lineage, certificate, self._context.clock())
        return suggested.at

    def decide(
        self,
        actor: Actor,
        certificate_id: str,
        auto_renew: bool | None,
        override: RenewalOverride | None = None,
    ) -> dict[str, Any]:
        """Renew a certificate by itself or not, against the rule of its profile; ``None`` leaves it to the rule.

        What is said holds for its successors, too.

        Args:
            moment: a fraction of the lifetime or a time before the end of its own; windows and freezes are the rule's.

        Raises:
            NotFound: unknown.
            Conflict: it is superseded or revoked.
        """
        with self._context.unit_of_work(actor) as uow:
            if uow.session.get(Certificate, certificate_id) is None:
                raise NotFound("certificate")
            present = lock_current(uow.session, certificate_id)
            lineage = uow.session.get_one(Lineage, present.lineage_id)
            before, own = lineage.auto_renew, lineage.renewal_override
            lineage.auto_renew = auto_renew
            lineage.renewal_override = (
                (override.model_dump(mode="json", exclude_none=True) or None) if override else None
            )
            plan(uow, lineage, present)
            uow.record(
                CertificateRenewalDecided(
                    present.id,
                    present.application_id,
                    before=before,
                    after=auto_renew,
                    override_before=own,
                    override=lineage.renewal_override,
                )
            )
        return self.explained(certificate_id)


def renewal_profile(session: Session, certificate: Certificate) -> CertificateProfile:
    """By which it is renewed. Raises Conflict where nothing says so, NotFound where it may not be used any more."""
    if certificate.profile_id is None:
        raise Conflict(
            "The certificate was imported without a profile, so nothing says who would issue the next one."
            " Request a new one.",
            kind="not-renewable",
        )
    profile = session.get_one(CertificateProfile, certificate.profile_id)
    enrollment(session, certificate.application_id, profile)
    return profile


def renewal_content(
    session: Session, present: Certificate, csr: str | None, same_key: bool
) -> RequestContent:
    """What the present certificate was asked for with, or says where it was imported; never a profile's defaults.

    Raises:
        BadInput: the choice of the key does not fit the certificate.
    """
    if csr and same_key:
        raise BadInput("Give a CSR or keep the same key, not both.", "csr")
    asked = session.get(CertificateRequest, present.request_id) if present.request_id else None
    if asked is not None:
        values: dict[str, Any] = dict(asked.content)
    else:
        values = certificate_content(x509.load_pem_x509_certificate(present.pem.encode()))
    if csr:
        facts = read_csr(csr)
        said = {
            "subject": facts.subject.model_dump(),
            "sans": facts.sans.model_dump(),
            "basic_constraints": facts.basic_constraints.model_dump(),
        }
        return _fitted({**values, **said, "csr": facts.pem, "key_algorithm": facts.key_algorithm})
    if present.key_sealed is None and not (same_key and values.get("csr")):
        raise BadInput(
            "The key of this certificate is not held here: send a CSR of the new key"
            + (", or keep the same key." if values.get("csr") else "."),
            "csr",
        )
    if present.key_sealed is not None:
        values["csr"] = None
    return _fitted(values)


def _fitted(values: dict[str, Any]) -> RequestContent:
    """With its usages but for what the key cannot do: others sign that, and a new key may be of another kind."""
    content = parsed_content(values)
    usages = fitting_usages(content.key_algorithm, content.key_usages)
    return content.model_copy(update={"key_usages": tuple(usages)})
