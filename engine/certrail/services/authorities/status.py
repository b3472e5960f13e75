"""Certificate status: revocation lists (RFC 5280 section 5) and OCSP answers (RFC 6960) of the authorities here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, union_all
from sqlmodel import Session, col, select

from certrail.domain.errors import BadInput, NotFound
from certrail.domain.events.authorities import CrlPublished, OcspSignerMade
from certrail.domain.timestamps import backdated
from certrail.persistence.tables import (
    CaCertificate,
    Certificate,
    CertificateAuthority,
    Crl,
    OcspSigner,
    RevocationTombstone,
)
from certrail.pki.locations import Locations
from certrail.pki.revocation import Reason, Revoked, read_question, refused
from certrail.pki.templates import CrlTemplate, OcspResponseTemplate, OcspSignerTemplate
from certrail.services.authorities.crl_mirrors import KEY_DIGITS, file_name, mirror_everywhere, mirror_urls
from certrail.services.authorities.signing import find_authority, loaded, lock_authority, versions_of
from certrail.services.authorities.signing_port import (
    create_ocsp_key,
    key_name,
    new_serial,
    sign,
    sign_ocsp,
)
from certrail.services.core.actor import SYSTEM
from certrail.services.core.sweeps import SweepItems
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

CRL_LIFETIME, CRL_REFRESH = timedelta(days=7), timedelta(days=1)
ANSWER_LIFETIME = timedelta(hours=12)
SIGNER_LIFETIME, SIGNER_RENEWAL = timedelta(days=14), timedelta(days=5)
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


class StatusResponder:
    """Lists and OCSP answers, signed when they are due."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._items = context, SweepItems(context, "revocation-lists")

    def crl(self, reference: str, key: str | None = None) -> StatusAnswer:
        """The present list of an authority.

        Args:
            key: the beginning of the SHA-256 of the key; left out, the one it signs with now.

        Raises:
            NotFound: there is no such authority or key.
        """
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            issuer = _issuer(session, authority, key, "revocation list")
            found = _list_of(session, authority.id, issuer.spki)
        if found is None or found.next_update <= self._context.clock():
            with self._context.unit_of_work(SYSTEM) as uow:
                found = publish_crl(uow, issuer)
        der = x509.load_pem_x509_crl(found.pem.encode()).public_bytes(Encoding.DER)
        return StatusAnswer(der, (found.this_update, found.next_update))

    def lists(self, reference: str) -> Sequence[Crl]:
        """The present lists of an authority, one for each of its keys, as they were signed last. Raises NotFound."""
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            query = select(Crl).where(Crl.ca_id == authority.id)
            return session.exec(query.order_by(col(Crl.this_update).desc())).all()

    def signers(self, reference: str) -> Sequence[OcspSigner]:
        """Who answers OCSP for an authority now, one for each of its keys that was asked about. Raises NotFound."""
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            newest = col(OcspSigner.not_after).desc()
            rows = session.exec(select(OcspSigner).where(OcspSigner.ca_id == authority.id).order_by(newest))
            of_key: dict[str, OcspSigner] = {}
            for row in rows:
                of_key.setdefault(row.spki, row)
            return list(of_key.values())

    def ocsp_url(self, ca_id: str) -> str | None:
        """Where OCSP is asked about an authority, as its certificates say; ``None`` if no public URL is set."""
        here = self._context.public_url
        return f"{here}/ocsp/{ca_id}" if here else None

    def certificate(self, reference: str, key: str | None = None) -> bytes:
        """The newest certificate of an authority's key, DER: the one that it signs with now, or another.

        Args:
            key: the beginning of the SHA-256 of the key; left out, the one it signs with now.

        Raises:
            NotFound: there is no such authority or key.
        """
        with self._context.db.read() as session:
            found = _issuer(session, find_authority(session, reference), key, "certificate")
        return loaded(found).public_bytes(Encoding.DER)

    def refresh(self) -> int:
        """Sign anew the lists whose time comes, and make those that are missing; returns how many.

        An authority whose key cannot be opened keeps no other's list from being signed.
        """
        with self._context.db.read() as session:
            now = self._context.clock()
            lists = session.exec(select(Crl.ca_id, Crl.spki, Crl.refresh_at)).all()
            fresh = {(ca_id, spki) for ca_id, spki, refresh_at in lists if refresh_at > now}
            certified = session.exec(select(CaCertificate).where(col(CaCertificate.not_after) > now)).all()
            issuers = {(row.ca_id, row.spki): row for row in certified}
        wanted = {
            f"{ca_id}-{spki[:KEY_DIGITS]}": row
            for (ca_id, spki), row in issuers.items()
            if (ca_id, spki) not in fresh
        }

        def sign(which: str) -> int:
            with self._context.unit_of_work(SYSTEM) as uow:
                publish_crl(uow, wanted[which])
            return 1

        return self._items.run_each(wanted, sign)

    def ocsp(self, reference: str, request: bytes) -> StatusAnswer:
        """Answer an OCSP request (RFC 6960); a malformed or foreign one gets an error response."""
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
            known = _statuses(session, issuer, lambda table: col(table.serial) == f"{question.serial:x}")
        signer = self._signer(issuer)
        since, until = backdated(now, ANSWER_LIFETIME), now + ANSWER_LIFETIME
        template = OcspResponseTemplate(
            question,
            bool(known),
            _revoked(*known[0]) if known else None,
            x509.load_pem_x509_certificate(signer.pem.encode()),
            this_update=since,
            next_update=until,
        )
        content = sign_ocsp(self._context, signer, template)
        return StatusAnswer(content, None if question.nonce else (since, until))

    def _signer(self, issuer: CaCertificate) -> OcspSigner:
        """The delegated signer (RFC 6960 section 4.2.2.2); renewed in time, so the CA's own key signs once in days."""
        spki, now = issuer.spki, self._context.clock().replace(microsecond=0)
        with self._context.db.read() as session:
            row = _signer_row(session, issuer.ca_id, spki, now)
        if row is None:
            with self._context.unit_of_work(SYSTEM) as uow:
                lock_authority(uow.session, issuer.ca_id)
                row = _signer_row(uow.session, issuer.ca_id, spki, now)
                row = row or self._make_signer(uow, issuer, spki)
        return row

    def _make_signer(self, uow: UnitOfWork, issuer: CaCertificate, spki: str) -> OcspSigner:
        ident, now = uow.new_id(), uow.now.replace(microsecond=0)
        public_key, sealed = create_ocsp_key(self._context, ident)
        template = OcspSignerTemplate(
            loaded(issuer),
            public_key,
            new_serial(),
            not_before=backdated(now, SIGNER_LIFETIME),
            not_after=now + SIGNER_LIFETIME,
        )
        certificate = sign(self._context, uow.session, key_name(issuer), template)
        row = OcspSigner(
            id=ident,
            created_at=now,
            ca_id=issuer.ca_id,
            spki=spki,
            pem=certificate.public_bytes(Encoding.PEM).decode(),
            key_sealed=sealed,
            not_after=certificate.not_valid_after_utc,
        )
        uow.session.add(row)
        uow.record(OcspSignerMade(issuer.ca_id, serial=f"{certificate.serial_number:x}"))
        return row


def publish_crl(uow: UnitOfWork, issuer: CaCertificate) -> Crl:
    """Sign the list of one key.

    The authority is locked until the transaction ends: CRL numbers must only grow (RFC 5280 section 5.2.3).
    """
    authority = lock_authority(uow.session, issuer.ca_id)
    spki, now = issuer.spki, uow.now.replace(microsecond=0)
    row = _list_of(uow.session, authority.id, spki)
    number = row.number + 1 if row else 1
    _forget_ended(uow.session, issuer, now)
    revoked = _revoked_below(uow.session, issuer, now)
    since, until = backdated(now, CRL_LIFETIME), now + CRL_LIFETIME
    template = CrlTemplate(
        loaded(issuer),
        tuple(revoked),
        number,
        this_update=since,
        next_update=until,
        url=crl_url(uow.context, authority.id, spki),
    )
    signed = sign(uow.context, uow.session, key_name(issuer), template)
    if row is None:
        row = Crl(id=uow.new_id(), created_at=now, ca_id=authority.id, spki=spki)  # type: ignore[call-arg]
    row.number, row.entries = number, len(revoked)
    row.this_update, row.next_update, row.refresh_at = since, until, now + CRL_REFRESH
    row.pem = signed.public_bytes(Encoding.PEM).decode()
    uow.session.add(row)
    mirror_everywhere(uow, row)
    uow.record(CrlPublished(authority.id, slug=authority.slug, number=number, entries=len(revoked)))
    return row


def crl_url(context: ServiceContext, ca_id: str, spki: str) -> str | None:
    """Where the list of one key is published, if this server is reachable for others at all."""
    return f"{context.public_url}/crl/{ca_id}/{file_name(spki)}" if context.public_url else None


def crl_urls(context: ServiceContext, session: Session, ca_id: str, spki: str) -> tuple[str, ...]:
    """Where the list of one key can be had: here, and from mirrors that others reach."""
    here = crl_url(context, ca_id, spki)
    return (*((here,) if here else ()), *mirror_urls(session, ca_id, spki))


def locations(context: ServiceContext, session: Session, issuer: CaCertificate) -> Locations:
    """What certificates that are signed with a version's key say of their status and their issuer."""
    here = context.public_url
    key = issuer.spki[:KEY_DIGITS]
    return Locations(
        crl=crl_urls(context, session, issuer.ca_id, issuer.spki),
        ocsp=f"{here}/ocsp/{issuer.ca_id}" if here else None,
        issuer=f"{here}/ca/{issuer.ca_id}/{key}.cer" if here else None,
    )


def _issuer(session: Session, authority: CertificateAuthority, key: str | None, what: str) -> CaCertificate:
    versions = versions_of(session, authority.id)
    found = [v for v in versions if (v.active if key is None else v.spki[:KEY_DIGITS] == key)]
    if not found:
        raise NotFound(what)
    return found[0]


def _same_key(session: Session, issuer: CaCertificate) -> Sequence[str]:
    """The certificates of an authority with one key: what it signed is in one list, whichever was present."""
    spki = issuer.spki
    return [version.id for version in versions_of(session, issuer.ca_id) if version.spki == spki]


def _list_of(session: Session, ca_id: str, spki: str) -> Crl | None:
    return session.exec(select(Crl).where(Crl.ca_id == ca_id, Crl.spki == spki)).first()


def _statuses(
    session: Session, issuer: CaCertificate, about: Callable[[Any], Any]
) -> Sequence[tuple[str, datetime | None, str | None]]:
    """Serial, and since when and why it does not hold, of what one key signed.

    What was deleted with its Application counts as well, and authorities below. One statement asks for all, so that
    nothing which is deleted meanwhile is missed between them.
    """
    versions = _same_key(session, issuer)
    parts = (
        select(table.serial, table.revoked_at, table.revocation_reason).where(
            col(table.ca_certificate_id).in_(versions), about(table)
        )
        for table in (Certificate, CaCertificate, RevocationTombstone)
    )
    return [(serial, at, reason) for serial, at, reason in session.execute(union_all(*parts))]


def _revoked_below(session: Session, issuer: CaCertificate, now: datetime) -> list[Revoked]:
    def listed(table: Any) -> Any:
        return col(table.revoked_at).is_not(None) & (col(table.not_after) > now - GRACE)

    found = (_revoked(*status) for status in _statuses(session, issuer, listed))
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
