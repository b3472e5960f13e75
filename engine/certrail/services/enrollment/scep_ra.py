"""The registration authority of an enrollment by SCEP: its certificate is made when it is needed, renewed in time."""

from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from sqlmodel import Session, col, select

from certrail.crypto.purposes import SCEP_RA_KEY_PURPOSE, of_row
from certrail.domain.content import KeyAlgorithm
from certrail.domain.errors import Conflict
from certrail.domain.events.enrollment import ScepRaMade
from certrail.domain.timestamps import backdated
from certrail.persistence.database import locked
from certrail.persistence.tables import CaCertificate, Enrollment, ScepRa
from certrail.pki import keys
from certrail.pki.scep.envelope import Recipient
from certrail.pki.templates import ScepRaTemplate
from certrail.services.authorities.signing import active_certificate, loaded, loaded_chain
from certrail.services.authorities.signing_port import key_name, new_serial, sign
from certrail.services.core.actor import SYSTEM
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork
from certrail.services.enrollment.scopes import Enrolled

LIFETIME, RENEWAL = timedelta(days=365), timedelta(days=30)


@dataclass(frozen=True)
class RegistrationAuthority:
    """A certificate with its key.

    Attributes:
        chain: its issuer and those above it up to the root.
    """

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = ()


class RegistrationAuthorities:
    """Keys are RSA, whatever the authority's is: clients encrypt to them."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def current(self, enrolled: Enrolled) -> RegistrationAuthority:
        """To which clients encrypt now, and by which answers are signed.

        Raises:
            Conflict: the profile has no authority, or it cannot sign now.
        """
        if enrolled.profile.ca_id is None:
            raise Conflict(
                "SCEP needs an authority: the certificates of this profile sign themselves.",
                kind="no-authority",
            )
        with self._context.db.read() as session:
            issuer = active_certificate(session, enrolled.profile.ca_id)
            row = self._fresh(session, enrolled, issuer)
        if row is None:
            row, issuer = self._make(enrolled, enrolled.profile.ca_id)
        chain = (loaded(issuer), *loaded_chain(issuer))
        return RegistrationAuthority(_certificate(row), self._key(row), chain)

    def key_for(self, enrolled: Enrolled, recipient: Recipient) -> rsa.RSAPrivateKey | None:
        """The key of the present or an earlier certificate, by issuer and serial number: clients keep it for days."""
        query = select(ScepRa).where(
            ScepRa.enrollment_id == enrolled.enrollment.id,
            ScepRa.serial == f"{recipient.serial:x}",
            col(ScepRa.not_after) > self._context.clock(),
        )
        with self._context.db.read() as session:
            rows = session.exec(query).all()
        found = next(
            (row for row in rows if _certificate(row).issuer.public_bytes() == recipient.issuer), None
        )
        return self._key(found) if found else None

    def _fresh(self, session: Session, enrolled: Enrolled, issuer: CaCertificate) -> ScepRa | None:
        """One of the present version of the authority that has a while to go, or no longer than its issuer."""
        query = select(ScepRa).where(
            ScepRa.enrollment_id == enrolled.enrollment.id, ScepRa.ca_certificate_id == issuer.id
        )
        row = session.exec(query.order_by(col(ScepRa.not_after).desc())).first()
        if row is None:
            return None
        enough = row.not_after > self._context.clock() + RENEWAL or row.not_after >= issuer.not_after
        return row if enough else None

    def _make(self, enrolled: Enrolled, ca_id: str) -> tuple[ScepRa, CaCertificate]:
        key = keys.generate(KeyAlgorithm.RSA_2048)  # before the transaction: it takes a while
        with self._context.unit_of_work(SYSTEM) as uow:
            # The enrollment's row is locked: of two that find none, the second finds what the first has made.
            uow.session.exec(locked(select(Enrollment).where(Enrollment.id == enrolled.enrollment.id))).one()
            issuer = active_certificate(uow.session, ca_id)
            row = self._fresh(uow.session, enrolled, issuer) or self._signed(uow, enrolled, issuer, key)
            return row, issuer

    def _signed(
        self, uow: UnitOfWork, enrolled: Enrolled, issuer: CaCertificate, key: keys.PrivateKey
    ) -> ScepRa:
        ident, now = uow.new_id(), uow.now.replace(microsecond=0)
        template = ScepRaTemplate(
            loaded(issuer),
            key.public_key(),
            new_serial(),
            not_before=backdated(now, LIFETIME),
            not_after=now + LIFETIME,
        )
        certificate = sign(uow.context, uow.session, key_name(issuer), template)
        row = ScepRa(
            id=ident,
            created_at=now,
            enrollment_id=enrolled.enrollment.id,
            ca_certificate_id=issuer.id,
            pem=certificate.public_bytes(Encoding.PEM).decode(),
            serial=f"{certificate.serial_number:x}",
            key_sealed=uow.context.keyring.seal(keys.to_pem(key), of_row(SCEP_RA_KEY_PURPOSE, ident)),
            not_after=certificate.not_valid_after_utc,
        )
        uow.session.add(row)
        uow.record(
            ScepRaMade(
                enrolled.enrollment.id,
                enrolled.application_id,
                profile=enrolled.profile.slug,
                serial=row.serial,
                not_after=row.not_after,
            )
        )
        return row

    def _key(self, row: ScepRa) -> rsa.RSAPrivateKey:
        pem = self._context.keyring.open(row.key_sealed, of_row(SCEP_RA_KEY_PURPOSE, row.id))
        key = keys.from_own_pem(pem)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


def _certificate(row: ScepRa) -> x509.Certificate:
    return x509.load_pem_x509_certificate(row.pem.encode())
