"""Certificate authorities: roots, intermediates below them or below an external CA, and their renewals."""

from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError
from sqlmodel import Session, col, select

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import BadInput, Conflict
from certrail.domain.events.authorities import CaDeleted, CaRenewalRequested, CaUpdated
from certrail.domain.states import AuthorityStatus
from certrail.domain.timestamps import backdated
from certrail.persistence.tables import (
    CaCertificate,
    CertificateAuthority,
)
from certrail.pki import keys
from certrail.pki.authority import refuse_unfit_authority
from certrail.pki.chain import path_to_root, read_certificates
from certrail.pki.names import from_name
from certrail.pki.revocation import Reason
from certrail.pki.signer import KeyName
from certrail.pki.templates import CsrTemplate, IntermediateTemplate, RootTemplate
from certrail.services.authorities.adoption import RevokedEntry, continue_crl_number, import_revoked
from certrail.services.authorities.ca_revocation import revoke_versions
from certrail.services.authorities.compromised_keys import refuse_unsafe_key
from certrail.services.authorities.deletion import delete_unused
from certrail.services.authorities.signing import (
    active_certificate,
    find_authority,
    issuer_of,
    key_to_certify,
    keys_of,
    loaded_chain,
    lock_authority,
    present_certificate,
    versions_of,
)
from certrail.services.authorities.signing_port import (
    generate_key,
    key_name,
    new_serial,
    public_key,
    read_key,
    sign,
    store_key,
)
from certrail.services.authorities.status import locations
from certrail.services.authorities.versions import insert_authority, install_certificate
from certrail.services.core.actor import Actor
from certrail.services.core.changes import UNCHANGED, Unchanged
from certrail.services.core.lookup import find, patch
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork

ROOT_LIFETIME = timedelta(days=3652)
INTERMEDIATE_LIFETIME = timedelta(days=1826)


class Authorities:
    """Managed by Product Admins. Private keys stay behind the signing port."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create_root(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        subject: Subject,
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        lifetime: timedelta | None = None,
        max_path_length: int | None = None,
    ) -> CertificateAuthority:
        """Create a root authority, with a lifetime of ten years by default.

        Raises:
            BadInput: the subject is empty.
            Conflict: the slug is taken.
        """
        _refuse_nameless(subject)
        key = generate_key(key_algorithm)
        with self._context.unit_of_work(actor) as uow:
            authority = insert_authority(
                uow, "root", slug, name, subject, key_algorithm, max_path_length, None
            )
            self._sign_itself(uow, authority, store_key(uow, authority, key), lifetime)
            return authority

    def create_intermediate(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        subject: Subject,
        parent: str | None = None,
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        lifetime: timedelta | None = None,
        max_path_length: int | None = 0,
    ) -> CertificateAuthority:
        """Create an authority below another: signed at once by a parent here, else pending until `install`.

        Args:
            lifetime: five years by default, at most until the parent's certificate expires.
            max_path_length: 0 for an authority that signs leaves only.

        Raises:
            BadInput: the subject is empty.
            Conflict: the slug is taken, the parent cannot sign, or its pathLenConstraint is too small.
        """
        _refuse_nameless(subject)
        key = generate_key(key_algorithm)
        with self._context.unit_of_work(actor) as uow:
            above = find(uow.session, CertificateAuthority, parent, "parent authority") if parent else None
            parent_id = above.id if above else None
            row = insert_authority(
                uow, "intermediate", slug, name, subject, key_algorithm, max_path_length, parent_id
            )
            stored = store_key(uow, row, key)
            if above is not None:
                self._sign_below(uow, row, above, stored, lifetime)
            return row

    def adopt(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        certificate: str,
        private_key: str,
        chain: str = "",
        crl_number: int | None = None,
        revoked: Sequence[RevokedEntry] = (),
    ) -> CertificateAuthority:
        """Take over an authority from elsewhere, with its private key and its revocations.

        Args:
            certificate: PEM, of the authority.
            chain: PEM, of every certificate above it; empty for a root.
            private_key: PEM, not encrypted.
            crl_number: of the last list that was published elsewhere; the next one follows it.

        Raises:
            BadInput: a part cannot be read, they do not belong together, or it is no authority's certificate.
            Conflict: the slug is taken.
        """
        first, *more = read_certificates(certificate, "certificate")
        issuers = [*more, *(read_certificates(chain, "chain") if chain.strip() else [])]
        subject = _subject_of(first)
        refuse_unfit_authority(first, subject)
        key = read_key(private_key, first.public_key())
        algorithm = keys.algorithm_of(key.public_key)
        path = path_to_root(first, issuers, "chain")
        kind = "intermediate" if path else "root"
        with self._context.unit_of_work(actor) as uow:
            refuse_unsafe_key(self._context, uow.session, key.public_key, "private_key")
            room = first.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
            authority = insert_authority(uow, kind, slug, name, subject, algorithm, room, None)
            store_key(uow, authority, key)
            install_certificate(uow, authority, first, path)
            uow.session.flush()
            issuer = active_certificate(uow.session, authority.id)
            import_revoked(uow, issuer, revoked)
            if crl_number is not None:
                continue_crl_number(uow, issuer, crl_number)
            return authority

    def request(self, reference: str) -> str:
        """The CSR, PEM, for another authority: of a new key that has no certificate yet, or else of the active one.

        Raises:
            Conflict: the authority signs itself, or its parent is here.
        """
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            _refuse_signed_here(authority)
            subject = Subject.model_validate(authority.subject)
            key = key_to_certify(session, authority.id)
            csr = sign(self._context, session, key, CsrTemplate(subject, authority.max_path_length))
            return csr.public_bytes(Encoding.PEM).decode()

    def install(
        self, actor: Actor, reference: str, certificate: str, chain: str = ""
    ) -> CertificateAuthority:
        """Install the certificate that another authority signed, with every certificate up to its root.

        Args:
            certificate: PEM; certificates that follow the first are taken for the chain.
            chain: PEM, in any order.

        Raises:
            BadInput: it is not for this subject or key, is no authority's, has ended, or an issuer is missing.
            Conflict: the authority signs itself, or its parent is here.
        """
        first, *more = read_certificates(certificate, "certificate")
        issuers = [*more, *(read_certificates(chain, "chain") if chain.strip() else [])]
        with self._context.unit_of_work(actor) as uow:
            authority = lock_authority(uow.session, reference)
            _refuse_signed_here(authority)
            refuse_unfit_authority(first, Subject.model_validate(authority.subject))
            spki = keys.spki_fingerprint(first.public_key())
            if spki not in {key.spki for key in keys_of(uow.session, authority.id)}:
                raise BadInput(
                    "The certificate holds another key than the request; have the present request signed.",
                    "certificate",
                )
            if not first.not_valid_before_utc <= uow.now < first.not_valid_after_utc:
                raise BadInput("The certificate is not valid now; look at its times.", "certificate")
            path = path_to_root(first, issuers, "chain")
            if not path:
                raise BadInput(
                    "The certificate signs itself; have the request signed by an authority.", "certificate"
                )
            install_certificate(uow, authority, first, path)
            return authority

    def renew(
        self, actor: Actor, reference: str, *, new_key: bool = False, lifetime: timedelta | None = None
    ) -> CertificateAuthority:
        """Create the next version of an authority's certificate; chains issued before still verify.

        One that is signed elsewhere gets its new key at once, and its new certificate by `request` and `install`.

        Raises:
            Conflict: it is pending, or revoked and keeps its key, or its parent cannot sign, or its pathLenConstraint
                is too small.
        """
        with self._context.unit_of_work(actor) as uow:
            authority = lock_authority(uow.session, reference)
            present = _renewable(uow.session, authority, new_key)
            uow.created_id = authority.id
            if new_key:
                key = store_key(uow, authority, generate_key(KeyAlgorithm(authority.key_algorithm)))
            else:
                key = key_name(present)
            if authority.kind == "root":
                self._sign_itself(uow, authority, key, lifetime)
            elif authority.parent_id:
                above = uow.session.get_one(CertificateAuthority, authority.parent_id)
                self._sign_below(uow, authority, above, key, lifetime)
            else:
                uow.record(CaRenewalRequested(authority.id, slug=authority.slug, new_key=new_key))
            return authority

    def update(
        self,
        actor: Actor,
        reference: str,
        *,
        slug: str | Unchanged = UNCHANGED,
        name: str | Unchanged = UNCHANGED,
        enabled: bool | Unchanged = UNCHANGED,
        renewals_per_minute: int | Unchanged | None = UNCHANGED,
    ) -> CertificateAuthority:
        """Rename, disable or enable an authority; references are by id and stay.

        Args:
            renewals_per_minute: limit of automatic renewals; ``None`` for any number.
        """
        with self._context.unit_of_work(actor) as uow:
            authority = lock_authority(uow.session, reference)
            before, after = patch(
                uow.session,
                authority,
                slug=slug,
                name=name,
                status=UNCHANGED if enabled is UNCHANGED else _status(uow.session, authority, enabled),
                renewals_per_minute=renewals_per_minute,
            )
            uow.record(CaUpdated(authority.id, before=before, after=after))
            return authority

    def revoke(
        self, actor: Actor, reference: str, reason: Reason = Reason.UNSPECIFIED
    ) -> CertificateAuthority:
        """Revoke an intermediate for good: it signs again once it is renewed with a new key.

        Raises:
            BadInput: the reason is certificateHold.
            Conflict: no authority here signed it, or it is revoked.
        """
        with self._context.unit_of_work(actor) as uow:
            authority = lock_authority(uow.session, reference)
            revoke_versions(uow, authority, reason)
            return authority

    def delete(self, actor: Actor, reference: str) -> None:
        """Delete an authority that nothing depends on.

        Raises:
            Conflict: a profile, an authority or a certificate does; they are named.
        """
        with self._context.unit_of_work(actor) as uow:
            authority = lock_authority(uow.session, reference, for_deletion=True)
            delete_unused(uow, authority)
            uow.record(CaDeleted(authority.id, slug=authority.slug, name=authority.name))

    def list(self) -> Sequence[tuple[CertificateAuthority, CaCertificate | None]]:
        """All authorities with the certificate they sign with; ``None`` while there is none."""
        with self._context.db.read() as session:
            rows = session.exec(select(CertificateAuthority).order_by(CertificateAuthority.slug)).all()
            signing = session.exec(select(CaCertificate).where(col(CaCertificate.active).is_(True))).all()
            own = {certificate.ca_id: certificate for certificate in signing}
            return [(row, own.get(row.id)) for row in rows]

    def get(self, reference: str) -> tuple[CertificateAuthority, Sequence[CaCertificate]]:
        """One authority with every version of its certificate, newest first."""
        with self._context.db.read() as session:
            authority = find_authority(session, reference)
            return authority, versions_of(session, authority.id)

    def _sign_below(
        self,
        uow: UnitOfWork,
        authority: CertificateAuthority,
        above: CertificateAuthority,
        key: KeyName,
        lifetime: timedelta | None,
    ) -> None:
        parent = issuer_of(uow.session, above.id)
        longest = parent.version.not_after
        not_before = backdated(uow.now, lifetime or INTERMEDIATE_LIFETIME)
        not_after = not_before + lifetime if lifetime else min(not_before + INTERMEDIATE_LIFETIME, longest)
        template = IntermediateTemplate(
            Subject.model_validate(authority.subject),
            public_key(uow.session, key),
            parent.certificate,
            new_serial(),
            not_before=not_before,
            not_after=not_after,
            max_path_length=authority.max_path_length,
            locations=locations(self._context, uow.session, parent.version),
        )
        certificate = sign(self._context, uow.session, key_name(parent.version), template)
        path = [parent.certificate, *loaded_chain(parent.version)]
        install_certificate(uow, authority, certificate, path, parent.version)

    def _sign_itself(
        self, uow: UnitOfWork, authority: CertificateAuthority, key: KeyName, lifetime: timedelta | None
    ) -> None:
        lifetime = lifetime or ROOT_LIFETIME
        not_before = backdated(uow.now, lifetime)
        template = RootTemplate(
            Subject.model_validate(authority.subject),
            new_serial(),
            not_before=not_before,
            not_after=not_before + lifetime,
            max_path_length=authority.max_path_length,
        )
        install_certificate(uow, authority, sign(self._context, uow.session, key, template), [])


def _subject_of(certificate: x509.Certificate) -> Subject:
    try:
        return Subject.model_validate(from_name(certificate.subject))
    except ValidationError as err:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in err.errors())
        raise BadInput(f"No authority here can have this subject. {faults}", "certificate") from None


def _refuse_nameless(subject: Subject) -> None:
    if subject.is_empty():
        raise BadInput(
            "The subject of an authority needs at least one part, such as a common name.", "subject"
        )


def _renewable(session: Session, authority: CertificateAuthority, new_key: bool) -> CaCertificate:
    present = present_certificate(session, authority.id)
    if new_key and present is not None and present.revoked_at and authority.status == AuthorityStatus.ACTIVE:
        return present
    return active_certificate(session, authority.id)


def _refuse_signed_here(authority: CertificateAuthority) -> None:
    if authority.kind == "root" or authority.parent_id:
        raise Conflict("This authority is signed here; renew it instead.", kind="ca-signed-here")


def _status(session: Session, authority: CertificateAuthority, enabled: bool) -> AuthorityStatus:
    """One that is enabled is pending while it has no certificate to sign with."""
    if not enabled:
        return AuthorityStatus.DISABLED
    return AuthorityStatus.ACTIVE if versions_of(session, authority.id) else AuthorityStatus.PENDING
