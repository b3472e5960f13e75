"""Issuance: the steps that a request's workflow takes, each one transaction."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from certrail.checkpoints import checkpoint
from certrail.domain.content import KeyAlgorithm, RequestContent
from certrail.domain.errors import CertrailError
from certrail.domain.events.issuance import CertificateIssued, CertificateRenewed
from certrail.persistence.database import cached
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificateProfile,
    CertificateRequest,
)
from certrail.pki import keys
from certrail.pki.bundle import certificate_facts
from certrail.pki.csr import read_csr
from certrail.pki.leaf import LeafPlan, self_signed_leaf
from certrail.pki.templates import LeafTemplate
from certrail.services.approvals.lifecycle import CHANGED, apply_timers, close, reopen, reopen_if_changed
from certrail.services.authorities.signing import Issuer, issuer_of
from certrail.services.authorities.signing_port import key_name, new_serial, sign
from certrail.services.authorities.status import crl_urls, ocsp_url
from certrail.services.catalog.enrollment import enrollment
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery.deliveries import KEY_PURPOSE
from certrail.services.delivery.desired_state import fan_out_to_syncs
from certrail.services.inventory.lineages import lock_current
from certrail.services.inventory.store import add_certificate, facts_of
from certrail.services.issuance.state import (
    FINAL,
    approval_of,
    current_snapshot,
    evaluate_policy,
    lock_request,
    transition,
)


@dataclass(frozen=True)
class Advance:
    """Where a request stands after a step.

    Attributes:
        status: ``waiting`` or a final status of the request.
        wake_at: when to look again at the latest, while waiting.
    """

    status: str
    wake_at: datetime | None = None


class Issuance:
    """Called again and again by the workflow; every call finds its own way on from what is stored."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def advance(self, request_id: str) -> Advance:
        """Take the next step: wait, keep the approval's time, or sign."""
        checkpoint("issuance.begin")
        try:
            waiting = self._wait_for_approval(request_id)
            outcome = waiting or self._issue(request_id)
        except CertrailError as refusal:
            self.fail(request_id, refusal.detail)
            outcome = Advance("failed")
        checkpoint("issuance.end")
        return outcome

    def fail(self, request_id: str, reason: str) -> None:
        """Give up on a request, with a reason that its requester can read."""
        with self._context.unit_of_work(SYSTEM) as uow:
            row = lock_request(uow.session, request_id)
            if row.status in FINAL:
                return
            transition(uow, row, "failed", reason)  # first: it did not end with its approval
            approval = approval_of(uow.session, request_id)
            if approval is not None and approval.status == "open":
                close(uow, approval, "cancelled", None, reason)

    def _wait_for_approval(self, request_id: str) -> Advance | None:
        with self._context.unit_of_work(SYSTEM) as uow:
            row = lock_request(uow.session, request_id)
            if row.status != "pending_approval":
                return None
            wake_at = self._wait(uow, row)
            return Advance("waiting", wake_at) if row.status == "pending_approval" else None

    def _wait(self, uow: UnitOfWork, row: CertificateRequest) -> datetime | None:
        approval = approval_of(uow.session, row.id)
        if approval is None:
            transition(uow, row, "approved")
            return None
        if (judged := current_snapshot(uow.session, row, uow.now)).digest != approval.digest:
            reopen(uow, approval, row, judged, CHANGED)
        return apply_timers(uow, approval)

    def _issue(self, request_id: str) -> Advance:
        with self._context.unit_of_work(SYSTEM) as uow:
            row = lock_request(uow.session, request_id)
            if row.status in FINAL:
                return Advance(row.status)
            if row.status == "pending_approval" or reopen_if_changed(uow, row):
                return Advance("waiting", uow.now)
            self.issue(uow, row)
        checkpoint("issuance.committed")
        return Advance("issued")

    def issue(self, uow: UnitOfWork, row: CertificateRequest, held: Certificate | None = None) -> None:
        """Sign what was accepted, and wish it to where it belongs, in the transaction of the change.

        Args:
            held: what it renews, where the caller has locked its lineage already.

        Raises:
            NotFound: the profile is not attached any more.
            PolicyViolation: it is denied by now.
            Conflict: the authority cannot sign, or what it renews is superseded.
        """
        content = RequestContent.model_validate(row.content)
        profile = uow.session.get_one(CertificateProfile, row.profile_id)
        enrollment(uow.session, row.application_id, profile)
        evaluate_policy(uow.session, profile, content, uow.now)
        present = held
        if row.renews_id and present is None:
            present = lock_current(uow.session, row.renews_id)
        certificate = self._sign(uow, row, profile, content, present)
        checkpoint("issuance.signed")
        self._record(uow, row, profile, certificate, present)
        fan_out_to_syncs(self._context, uow, certificate)

    def _sign(
        self,
        uow: UnitOfWork,
        row: CertificateRequest,
        profile: CertificateProfile,
        content: RequestContent,
        present: Certificate | None,
    ) -> Certificate:
        plan = LeafPlan(
            subject=content.subject,
            sans=content.sans,
            key_usages=tuple(content.key_usages),
            extended_key_usages=tuple(content.extended_key_usages),
            not_before=uow.now,
            not_after=uow.now + timedelta(seconds=content.ttl_seconds),
            basic_constraints=content.basic_constraints,
        )
        own_key = None if content.csr else self._key(row, content, present)
        if profile.ca_id is None:
            assert own_key is not None, "a CSR is refused at the request"
            issuer, chain, root = None, list[str](), None
            leaf = self_signed_leaf(plan, own_key, new_serial())
        else:
            public_key = own_key.public_key() if own_key else read_csr(content.csr or "").public_key
            by = issuer_of(uow.session, profile.ca_id)
            issuer, (chain, root) = by.version.id, _chain(by.version)
            plan = replace(
                plan,
                crl_urls=cached(uow.session, ("crl", profile.ca_id), lambda: _lists(uow, by)),
                ocsp_url=ocsp_url(self._context, by.authority.id),
            )
            template = LeafTemplate(plan, public_key, by.certificate, new_serial())
            leaf = sign(self._context, uow.session, key_name(by.version), template)
        facts = certificate_facts(leaf)
        return Certificate(
            id=uow.new_id(),
            created_at=uow.now,
            application_id=row.application_id,
            lineage_id=present.lineage_id if present else row.id,
            request_id=row.id,
            profile_id=profile.id,
            ca_certificate_id=issuer,
            serial=facts.serial,
            fingerprint=facts.fingerprint,
            common_name=facts.common_name,
            names=facts.names,
            key_algorithm=facts.key_algorithm,
            not_before=facts.not_before,
            not_after=facts.not_after,
            pem=facts.pem,
            chain=chain,
            root=root,
            key_sealed=self._context.keyring.seal(keys.to_pem(own_key), KEY_PURPOSE) if own_key else None,
            key_shown_at=present.key_shown_at if present and row.same_key else None,
            attributes=row.attributes,
        )

    def _key(
        self, row: CertificateRequest, content: RequestContent, present: Certificate | None
    ) -> keys.PrivateKey:
        if present is not None and row.same_key and present.key_sealed is not None:
            return keys.from_pem(self._context.keyring.open(present.key_sealed, KEY_PURPOSE))
        return keys.generate(KeyAlgorithm(content.key_algorithm))

    def _record(
        self,
        uow: UnitOfWork,
        row: CertificateRequest,
        profile: CertificateProfile,
        certificate: Certificate,
        present: Certificate | None,
    ) -> None:
        add_certificate(uow, certificate, present)
        row.certificate_id = certificate.id
        transition(uow, row, "issued")
        facts = facts_of(certificate, profile)
        if present:
            uow.record(CertificateRenewed(**facts, request_id=row.id, supersedes=present.id))
        else:
            uow.record(CertificateIssued(**facts, request_id=row.id))


def _lists(uow: UnitOfWork, by: Issuer) -> tuple[str, ...]:
    return crl_urls(uow.context, uow.session, by.authority.id, by.version.spki)


def _chain(issuer: CaCertificate) -> tuple[list[str], str]:
    """Intermediates below the root, and the root."""
    if not issuer.chain:
        return [], issuer.pem
    return [issuer.pem, *issuer.chain[:-1]], issuer.chain[-1]
