"""Imports: certificates that were issued elsewhere, stored, watched and delivered like those issued here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError
from sqlmodel import Session, col, select

from certrail.domain.content import KeyAlgorithm, RequestContent
from certrail.domain.errors import BadInput, Conflict, PolicyViolation
from certrail.domain.events.issuance import CertificateAdopted, CertificateImported, CertificateImportRefused
from certrail.domain.faults import in_one_line
from certrail.domain.policy import PolicyRules, decide
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificatePolicy,
    CertificateProfile,
    RevocationTombstone,
)
from certrail.pki.bundle import certificate_facts
from certrail.pki.chain import is_self_signed, is_signed_by
from certrail.pki.csr import certificate_content
from certrail.pki.parse import CertificateBundle
from certrail.pki.revocation import Reason
from certrail.services.alerting.expiry import catch_up
from certrail.services.authorities.compromised_keys import note_compromise
from certrail.services.authorities.signing import loaded
from certrail.services.catalog.enrollment import enrollment
from certrail.services.catalog.profiles import find_profile
from certrail.services.core.actor import Actor
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.desired_state import fan_out_to_syncs
from certrail.services.inventory.lineages import lock_lineage
from certrail.services.inventory.store import add_certificate, facts_of
from certrail.services.issuance.leaf import SubjectKey
from certrail.services.issuance.requests import checked_attributes


@dataclass(frozen=True)
class ImportedStatus:
    """Status of a certificate in the inventory that it comes from.

    Attributes:
        status: ``active``, ``held`` or ``revoked``.
        superseded: another replaced it, and is imported later.
        replaces: id of the certificate here that it replaced.
        auto_renew: overrides the renewal rule of its profile.
    """

    status: str = CertificateStatus.ACTIVE
    revoked_at: datetime | None = None
    reason: Reason | None = None
    superseded: bool = False
    replaces: str | None = None
    auto_renew: bool | None = None

    def apply_to(self, row: Certificate) -> None:
        """Set the columns of a certificate's row."""
        row.status = (
            CertificateStatus.SUPERSEDED
            if self.superseded and self.status == CertificateStatus.ACTIVE
            else self.status
        )
        row.revoked_at = self.revoked_at.replace(microsecond=0) if self.revoked_at else None
        row.revocation_reason = str(self.reason) if self.reason else None


PRESENT = ImportedStatus()


class Imports:
    """An import with a profile must satisfy its policy; without one, no policy applies and nothing renews it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def take(
        self,
        actor: Actor,
        application_id: str | None,
        bundle: CertificateBundle,
        *,
        profile: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Certificate:
        """Add a certificate, its key sealed, and deliver it to the syncs that select it.

        Raises:
            NotFound: the profile is not attached to this Application.
            BadInput: with a profile: it has names or usages that no profile can have.
            PolicyViolation: with a profile: its policy denies it; the refusal is on record.
            Conflict: the certificate is in the inventory.
        """
        checked = checked_attributes(attributes or {})
        try:
            with self._context.unit_of_work(actor) as uow:
                chosen = _enrolled(uow.session, application_id, profile) if profile else None
                if chosen:
                    _refuse_denied(uow.session, chosen, bundle.certificate, uow.now)
                row = self._keep(uow, application_id, bundle, chosen, checked)
                if row.status == CertificateStatus.ACTIVE and row.not_after > uow.now:
                    fan_out_to_syncs(self._context, uow, row)
                return row
        except PolicyViolation as refusal:
            facts = certificate_facts(bundle.certificate)
            with self._context.unit_of_work(actor) as uow:
                uow.record(
                    CertificateImportRefused(
                        application_id or "none",
                        application_id,
                        common_name=facts.common_name,
                        dns_names=facts.names.get("dns", []),
                        fingerprint=facts.fingerprint,
                        profile=profile,
                        violations=refusal.violations,
                    )
                )
            raise

    def keep(
        self,
        actor: Actor,
        application_id: str | None,
        bundle: CertificateBundle,
        *,
        profile: str | None = None,
        attributes: Mapping[str, str] | None = None,
        past: ImportedStatus = PRESENT,
    ) -> Certificate:
        """Add a certificate of another inventory unchanged; its policy is evaluated at renewal, nothing is delivered.

        No alert fires: the event is `certificate.adopted`, to which none subscribes.

        Raises:
            NotFound: the profile cannot be used there.
            Conflict: the certificate is in the inventory, or the one whose place it took was renewed here.
        """
        checked = checked_attributes(attributes or {})
        with self._context.unit_of_work(actor) as uow:
            chosen = _enrolled(uow.session, application_id, profile) if profile else None
            return self._keep(uow, application_id, bundle, chosen, checked, past)

    def _keep(
        self,
        uow: UnitOfWork,
        application_id: str | None,
        bundle: CertificateBundle,
        profile: CertificateProfile | None,
        attributes: dict[str, Any],
        past: ImportedStatus | None = None,
    ) -> Certificate:
        facts = certificate_facts(bundle.certificate)
        if uow.session.exec(select(Certificate).where(Certificate.fingerprint == facts.fingerprint)).first():
            raise Conflict("This certificate is in the inventory already.", kind="imported")
        adopted, past = past is not None, past or PRESENT
        present = _replaced(uow.session, past.replaces) if past.replaces else None
        pems = [issuer.public_bytes(Encoding.PEM).decode() for issuer in bundle.issuers]
        complete = bool(bundle.issuers) and is_self_signed(bundle.issuers[-1])
        ident = uow.new_id()
        row = Certificate(
            id=ident,
            created_at=uow.now,
            application_id=application_id,
            lineage_id=present.lineage_id if present else uow.new_id(),
            profile_id=profile.id if profile else None,
            ca_certificate_id=_own_issuer(uow.session, bundle.certificate),
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            common_name=facts.common_name,
            names=facts.names,
            unreadable=list(facts.unreadable),
            key_algorithm=facts.key_algorithm,
            not_before=facts.not_before,
            not_after=facts.not_after,
            pem=facts.pem,
            chain=pems[:-1] if complete else pems,
            root=pems[-1] if complete else None,
            key_sealed=SubjectKey(bundle.key.public_key(), bundle.key).seal(self._context, ident)
            if bundle.key
            else None,
            attributes=attributes,
        )
        past.apply_to(row)
        _take_over_status(uow.session, row)
        note_compromise(uow, row)
        add_certificate(uow, row, present, auto_renew=past.auto_renew)
        uow.created_id = row.id
        kind = CertificateAdopted if adopted else CertificateImported
        uow.record(kind(**facts_of(row, profile), with_key=row.key_sealed is not None, status=row.status))
        catch_up(uow, row)
        return row


def _take_over_status(session: Session, row: Certificate) -> None:
    """Take the status of the certificate's tombstone, and delete it: it was issued here, deleted, and is back."""
    query = (
        select(RevocationTombstone)
        .join(CaCertificate, col(CaCertificate.id) == col(RevocationTombstone.ca_certificate_id))
        .where(RevocationTombstone.serial == row.serial, CaCertificate.ca_id == _authority_of(session, row))
    )
    deleted = session.exec(query).first()
    if deleted is None:
        return
    if deleted.revoked_at is not None:
        held = deleted.revocation_reason == Reason.CERTIFICATE_HOLD
        row.status = CertificateStatus.HELD if held else CertificateStatus.REVOKED
        row.revoked_at, row.revocation_reason = deleted.revoked_at, deleted.revocation_reason
    session.delete(deleted)


def _authority_of(session: Session, row: Certificate) -> str | None:
    return session.get_one(CaCertificate, row.ca_certificate_id).ca_id if row.ca_certificate_id else None


def _replaced(session: Session, certificate_id: str) -> Certificate:
    """The certificate that is replaced, with its lineage locked (FOR NO KEY UPDATE)."""
    present, lineage = lock_lineage(session, certificate_id)
    if lineage.current_certificate_id != present.id:
        raise Conflict("The certificate that it replaced was renewed here already.", kind="superseded")
    return present


def _enrolled(session: Session, application_id: str | None, reference: str) -> CertificateProfile:
    profile = find_profile(session, reference)
    enrollment(session, application_id, profile)
    return profile


def _refuse_denied(
    session: Session, profile: CertificateProfile, certificate: x509.Certificate, now: datetime
) -> None:
    """Evaluate the certificate policy over the content of a certificate. Raises PolicyViolation."""
    try:
        content = RequestContent.model_validate(certificate_content(certificate))
    except ValidationError as err:
        what = in_one_line(err)
        raise BadInput(f"No profile can have such a certificate. {what}", "certificate") from None
    policy = session.get_one(CertificatePolicy, profile.policy_id)
    violations = decide(
        content,
        PolicyRules.model_validate(policy.rules),
        now=now,
        issuer_not_after=None,
        issuer_key_algorithm=_signed_with(certificate),
    )
    if violations:
        raise PolicyViolation(violations)


_ISSUER_KEYS = {
    "1.2.840.113549.1.1.11": KeyAlgorithm.RSA_2048,
    "1.2.840.10045.4.3.2": KeyAlgorithm.EC_P256,
    "1.2.840.10045.4.3.3": KeyAlgorithm.EC_P384,
    "1.2.840.10045.4.3.4": KeyAlgorithm.EC_P521,
    "1.3.101.112": KeyAlgorithm.ED25519,
}
"""By the OID of a signature: a key of the kind that makes it. Others no rule on signatures allows."""


def _signed_with(certificate: x509.Certificate) -> KeyAlgorithm | None:
    return _ISSUER_KEYS.get(certificate.signature_algorithm_oid.dotted_string)


def _own_issuer(session: Session, certificate: x509.Certificate) -> str | None:
    """The certificate of one of our authorities that signed this one, if one did."""
    for own in session.exec(select(CaCertificate)):
        if is_signed_by(certificate, loaded(own)):
            return own.id
    return None
