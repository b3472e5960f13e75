"""Revocation: a certificate that does not hold any more, and everybody who asks is told so at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, union_all
from sqlmodel import Session, col, select

from certrail.checkpoints import checkpoint
from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificateAuthority,
    Crl,
    Lineage,
    OcspSigner,
    RevocationTombstone,
)
from certrail.pki import keys
from certrail.pki.revocation import (
    Reason,
    Revoked,
    answer,
    make_crl,
    read_question,
    refused,
    signer_certificate,
)
from certrail.services.alerting.expiry import catch_up
from certrail.services.authorities.crl_mirrors import KEY_DIGITS, file_name, mirror_everywhere, mirror_urls
from certrail.services.authorities.signing import (
    find_authority,
    key_of,
    loaded,
    lock_authority,
    new_serial,
    spki_of,
    versions_of,
)
from certrail.services.core.actor import SYSTEM, Actor
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.delivery import retirement_planner
from certrail.services.inventory.lineages import lock_lineage
from certrail.services.inventory.renewal_schedule import plan

CRL_LIFETIME, CRL_REFRESH = timedelta(days=7), timedelta(days=1)
ANSWER_LIFETIME = timedelta(hours=12)
SIGNER_LIFETIME, SIGNER_RENEWAL = timedelta(days=14), timedelta(days=5)
SIGNER_KEY = "ocsp-key"
GRACE = timedelta(days=1)
"""How long a certificate that ended stays in the lists."""


@dataclass(frozen=True)
class StatusAnswer:
    """A list or an OCSP response, DER.

    Attributes:
        holds: since when and until when, as it says itself; ``None`` for an answer that must not be kept.
    """

    content: bytes
    holds: tuple[datetime, datetime] | None = None


class Revocation:
    """Of certificates that authorities here have signed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "revocation-lists")

    def revoke(self, actor: Actor, certificate_id: str, reason: Reason = Reason.UNSPECIFIED) -> Certificate:
        """Revoke for good, or with `certificateHold` until it is released.

        Raises:
            NotFound: unknown.
            Conflict: another authority signed it, or it is revoked already.
        """
        with self._context.unit_of_work(actor) as uow:
            row, lineage, issuer = _own(uow.session, certificate_id)
            hold = reason is Reason.CERTIFICATE_HOLD
            if row.status == "revoked" or (hold and row.status == "held"):
                raise Conflict(f"The certificate is {row.status} already.", kind="revoked")
            row.revoked_at = row.revoked_at or uow.now.replace(microsecond=0)
            row.status, row.revocation_reason = ("held" if hold else "revoked"), str(reason)
            self._changed(uow, row, lineage, issuer, f"certificate.{row.status}")
            if not hold:
                retirement_planner.revoked(uow, row)
        checkpoint("revocation.committed")
        return row

    def release(self, actor: Actor, certificate_id: str) -> Certificate:
        """Let a certificate on hold be valid again.

        Raises:
            NotFound: unknown.
            Conflict: it is not on hold.
        """
        with self._context.unit_of_work(actor) as uow:
            row, lineage, issuer = _own(uow.session, certificate_id)
            if row.status != "held":
                raise Conflict(f"The certificate is {row.status}; only one on hold is released.")
            row.status = "active" if lineage.current_certificate_id == row.id else "superseded"
            row.revoked_at = row.revocation_reason = None
            self._changed(uow, row, lineage, issuer, "certificate.released")
            catch_up(uow, row)
            return row

    def crl(self, reference: str, key: str | None = None) -> StatusAnswer:
        """The present list of an authority.

        Args:
            key: the beginning of the SHA-256 of the key; left out, the one it signs with now.

        Raises:
            NotFound: there is no such authority or key.
        """
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            issuer = _issuer(session, authority, key)
            found = _list_of(session, authority.id, spki_of(issuer))
        if found is None or found.next_update <= self._context.clock():
            with self._context.unit_of_work(SYSTEM) as uow:
                found = self._publish(uow, issuer)
        der = x509.load_pem_x509_crl(found.pem.encode()).public_bytes(Encoding.DER)
        return StatusAnswer(der, (found.this_update, found.next_update))

    def refresh(self) -> int:
        """Sign anew the lists whose time comes, and make those that are missing; returns how many.

        An authority whose key cannot be opened keeps no other's list from being signed.
        """
        with self._context.db.read() as session:
            now = self._context.clock()
            lists = session.exec(select(Crl.ca_id, Crl.spki, Crl.refresh_at)).all()
            fresh = {(ca_id, spki) for ca_id, spki, refresh_at in lists if refresh_at > now}
            certified = session.exec(select(CaCertificate).where(col(CaCertificate.not_after) > now)).all()
            issuers = {(row.ca_id, spki_of(row)): row for row in certified}
        wanted = {
            f"{ca_id}-{spki[:KEY_DIGITS]}": row
            for (ca_id, spki), row in issuers.items()
            if (ca_id, spki) not in fresh
        }

        def sign(which: str) -> int:
            with self._context.unit_of_work(SYSTEM) as uow:
                self._publish(uow, wanted[which])
            return 1

        return self._items.run_each(wanted, sign)

    def status(self, reference: str, request: bytes) -> StatusAnswer:
        """Answer a question about a certificate of an authority (RFC 6960); a wrong one is answered as such."""
        try:
            question = read_question(request)
        except BadInput:
            return StatusAnswer(refused(malformed=True))
        now = self._context.clock().replace(microsecond=0)
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            issuer = next(
                (v for v in versions_of(session, authority.id) if question.is_about(loaded(v))), None
            )
            if issuer is None:
                return StatusAnswer(refused(malformed=False))
            told = _told(session, issuer, lambda table: col(table.serial) == f"{question.serial:x}")
        signer, key = self._signer(issuer)
        until = now + ANSWER_LIFETIME
        content = answer(
            question,
            bool(told),
            _revoked(*told[0]) if told else None,
            signer=signer,
            signer_key=key,
            this_update=now,
            next_update=until,
        )
        return StatusAnswer(content, None if question.nonce else (now, until))

    def _changed(
        self, uow: UnitOfWork, row: Certificate, lineage: Lineage, issuer: CaCertificate, event: str
    ) -> None:
        uow.session.add(row)
        superseded = lineage.current_certificate_id != row.id
        if not superseded:
            plan(uow, lineage, row)
        uow.event(
            event,
            "certificate",
            row.id,
            row.application_id,
            common_name=row.common_name,
            serial=row.serial,
            lineage_id=row.lineage_id,
            superseded=superseded,
            reason=row.revocation_reason,
        )
        uow.session.flush()
        self._publish(uow, issuer)

    def _publish(self, uow: UnitOfWork, issuer: CaCertificate) -> Crl:
        """Sign the list of one key; the authority is held, so that numbers only grow."""
        authority = lock_authority(uow.session, issuer.ca_id)
        spki, now = spki_of(issuer), uow.now.replace(microsecond=0)
        row = _list_of(uow.session, authority.id, spki)
        number = row.number + 1 if row else 1
        _forget_ended(uow.session, issuer, now)
        revoked = _revoked_below(uow.session, issuer, now)
        signed = make_crl(
            loaded(issuer),
            key_of(self._context.keyring, uow.session, issuer),
            revoked,
            number=number,
            this_update=now,
            next_update=now + CRL_LIFETIME,
            url=crl_url(self._context, authority.id, spki),
        )
        if row is None:
            row = Crl(id=uow.new_id(), created_at=now, ca_id=authority.id, spki=spki)  # type: ignore[call-arg]
        row.number, row.entries = number, len(revoked)
        row.this_update, row.next_update, row.refresh_at = now, now + CRL_LIFETIME, now + CRL_REFRESH
        row.pem = signed.public_bytes(Encoding.PEM).decode()
        uow.session.add(row)
        mirror_everywhere(uow, row)
        uow.event(
            "ca.crl_published", "ca", authority.id, slug=authority.slug, number=number, entries=len(revoked)
        )
        return row

    def _signer(self, issuer: CaCertificate) -> tuple[x509.Certificate, keys.PrivateKey]:
        """Whom the authority lets answer; made anew in time, so its own key signs once in days."""
        spki, now = spki_of(issuer), self._context.clock().replace(microsecond=0)
        with self._context.db.read() as session:
            row = _signer_row(session, issuer.ca_id, spki, now)
        if row is None:
            with self._context.unit_of_work(SYSTEM) as uow:
                lock_authority(uow.session, issuer.ca_id)
                row = _signer_row(uow.session, issuer.ca_id, spki, now)
                row = row or self._make_signer(uow, issuer, spki)
        return (
            x509.load_pem_x509_certificate(row.pem.encode()),
            keys.from_pem(self._context.keyring.open(row.key_sealed, SIGNER_KEY)),
        )

    def _make_signer(self, uow: UnitOfWork, issuer: CaCertificate, spki: str) -> OcspSigner:
        now = uow.now.replace(microsecond=0)
        key = keys.generate(KeyAlgorithm.EC_P256)
        certificate = signer_certificate(
            loaded(issuer),
            key_of(self._context.keyring, uow.session, issuer),
            key,
            serial=new_serial(),
            not_before=now - timedelta(minutes=5),
            not_after=now + SIGNER_LIFETIME,
        )
        row = OcspSigner(
            id=uow.new_id(),
            created_at=now,
            ca_id=issuer.ca_id,
            spki=spki,
            pem=certificate.public_bytes(Encoding.PEM).decode(),
            key_sealed=self._context.keyring.seal(keys.to_pem(key), SIGNER_KEY),
            not_after=certificate.not_valid_after_utc,
        )
        uow.session.add(row)
        uow.event("ca.ocsp_signer_made", "ca", issuer.ca_id, serial=f"{certificate.serial_number:x}")
        return row


def crl_url(context: ServiceContext, ca_id: str, spki: str) -> str | None:
    """Where the list of one key is published, if this server is reachable for others at all."""
    return f"{context.public_url}/crl/{ca_id}/{file_name(spki)}" if context.public_url else None


def crl_urls(context: ServiceContext, session: Session, ca_id: str, spki: str) -> tuple[str, ...]:
    """Where the list of one key can be had: here, and from mirrors that others reach."""
    here = crl_url(context, ca_id, spki)
    return (*((here,) if here else ()), *mirror_urls(session, ca_id, spki))


def ocsp_url(context: ServiceContext, ca_id: str) -> str | None:
    """Where questions about certificates of an authority are answered."""
    return f"{context.public_url}/ocsp/{ca_id}" if context.public_url else None


def _own(session: Session, certificate_id: str) -> tuple[Certificate, Lineage, CaCertificate]:
    """A certificate that was signed here, its lineage held: it is not renewed or given up while it is revoked."""
    row, lineage = lock_lineage(session, certificate_id)
    if row.ca_certificate_id is None:
        raise Conflict(
            "Another authority signed this certificate, so it alone can revoke it.", kind="foreign-issuer"
        )
    return row, lineage, session.get_one(CaCertificate, row.ca_certificate_id)


def _issuer(session: Session, authority: CertificateAuthority, key: str | None) -> CaCertificate:
    versions = versions_of(session, authority.id)
    found = [v for v in versions if (v.active if key is None else spki_of(v)[:KEY_DIGITS] == key)]
    if not found:
        raise NotFound("revocation list")
    return found[0]


def _same_key(session: Session, issuer: CaCertificate) -> Sequence[str]:
    """The certificates of an authority with one key: what it signed is in one list, whichever was present."""
    spki = spki_of(issuer)
    return [version.id for version in versions_of(session, issuer.ca_id) if spki_of(version) == spki]


def _list_of(session: Session, ca_id: str, spki: str) -> Crl | None:
    return session.exec(select(Crl).where(Crl.ca_id == ca_id, Crl.spki == spki)).first()


def _told(
    session: Session, issuer: CaCertificate, about: Callable[[Any], Any]
) -> Sequence[tuple[str, datetime | None, str | None]]:
    """Serial, and since when and why it does not hold, of what one key signed.

    What was deleted with its Application counts as well. One statement asks for both, so that nothing which is
    deleted meanwhile is missed between them.
    """
    versions = _same_key(session, issuer)
    parts = (
        select(table.serial, table.revoked_at, table.revocation_reason).where(
            col(table.ca_certificate_id).in_(versions), about(table)
        )
        for table in (Certificate, RevocationTombstone)
    )
    return [(serial, at, reason) for serial, at, reason in session.execute(union_all(*parts))]


def _revoked_below(session: Session, issuer: CaCertificate, now: datetime) -> list[Revoked]:
    def listed(table: Any) -> Any:
        return col(table.revoked_at).is_not(None) & (col(table.not_after) > now - GRACE)

    found = (_revoked(*told) for told in _told(session, issuer, listed))
    return sorted((entry for entry in found if entry is not None), key=lambda entry: (entry.at, entry.serial))


def _forget_ended(session: Session, issuer: CaCertificate, now: datetime) -> None:
    deleted = RevocationTombstone
    versions = _same_key(session, issuer)
    ended = col(deleted.ca_certificate_id).in_(versions), col(deleted.not_after) <= now - GRACE
    session.execute(delete(deleted).where(*ended))


def _revoked(serial: str, at: datetime | None, reason: str | None) -> Revoked | None:
    return None if at is None else Revoked(int(serial, 16), at, Reason(reason or Reason.UNSPECIFIED))


def _signer_row(session: Session, ca_id: str, spki: str, now: datetime) -> OcspSigner | None:
    query = select(OcspSigner).where(
        OcspSigner.ca_id == ca_id, OcspSigner.spki == spki, col(OcspSigner.not_after) > now + SIGNER_RENEWAL
    )
    return session.exec(query.order_by(col(OcspSigner.not_after).desc())).first()
