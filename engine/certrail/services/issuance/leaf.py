"""The certificate of one request: its content, its own key, and its row."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509

from certrail.crypto.purposes import CERTIFICATE_KEY_PURPOSE, of_row
from certrail.domain.content import KeyAlgorithm, RequestContent
from certrail.domain.timestamps import backdated
from certrail.persistence.database import cached
from certrail.persistence.tables import CaCertificate, Certificate, CertificateProfile, CertificateRequest
from certrail.pki import keys
from certrail.pki.bundle import certificate_facts
from certrail.pki.csr import accepted_csr
from certrail.pki.leaf import LeafPlan
from certrail.pki.locations import Locations
from certrail.pki.templates import LeafTemplate
from certrail.services.authorities.signing import Issuer
from certrail.services.authorities.status import locations
from certrail.services.core.unit_of_work import ServiceContext, UnitOfWork


@dataclass(frozen=True)
class SubjectKey:
    """The certificate's key. `private_key` is None where the requester holds it and sent a CSR."""

    public_key: keys.PublicKey
    private_key: keys.PrivateKey | None

    def seal(self, context: ServiceContext, row_id: str) -> str | None:
        """The envelope in which the row of a certificate or a remote order keeps it."""
        if self.private_key is None:
            return None
        return context.keyring.seal(keys.to_pem(self.private_key), of_row(CERTIFICATE_KEY_PURPOSE, row_id))


def subject_key(
    context: ServiceContext, row: CertificateRequest, content: RequestContent, present: Certificate | None
) -> SubjectKey:
    """That of the CSR, of the renewed certificate where the request keeps it, else a new one."""
    if content.csr:
        return SubjectKey(accepted_csr(content.csr).public_key, None)
    if present is not None and row.same_key and present.key_sealed is not None:
        return opened_key(context, present.key_sealed, present.id)
    return new_key(KeyAlgorithm(content.key_algorithm))


def new_key(algorithm: KeyAlgorithm) -> SubjectKey:
    """A new key that is held here."""
    key = keys.generate(algorithm)
    return SubjectKey(key.public_key(), key)


def opened_key(context: ServiceContext, sealed: str, row_id: str) -> SubjectKey:
    """A key from the envelope in a row."""
    key = keys.from_own_pem(context.keyring.open(sealed, of_row(CERTIFICATE_KEY_PURPOSE, row_id)))
    return SubjectKey(key.public_key(), key)


def leaf_plan(content: RequestContent, at: datetime) -> LeafPlan:
    """What a certificate says that is signed at this time: its lifetime is exact, and began shortly before."""
    lifetime = timedelta(seconds=content.ttl_seconds)
    not_before = backdated(at, lifetime)
    return LeafPlan(
        subject=content.subject,
        sans=content.sans,
        key_usages=tuple(content.key_usages),
        extended_key_usages=tuple(content.extended_key_usages),
        not_before=not_before,
        not_after=not_before + lifetime,
        basic_constraints=content.basic_constraints,
    )


def leaf_template(
    uow: UnitOfWork,
    content: RequestContent,
    public_key: keys.PublicKey,
    by: Issuer,
    serial: int,
    at: datetime,
) -> LeafTemplate:
    """The certificate as its authority signs it, with the URLs of its status and its issuer."""

    def found() -> Locations:
        return locations(uow.context, uow.session, by.version)

    plan = replace(leaf_plan(content, at), locations=cached(uow.session, ("locations", by.version.id), found))
    return LeafTemplate(plan, public_key, by.certificate, serial)


def certificate_row(
    uow: UnitOfWork,
    row: CertificateRequest,
    profile: CertificateProfile,
    leaf: x509.Certificate,
    version: CaCertificate | None,
    key: SubjectKey,
    present: Certificate | None,
) -> Certificate:
    """The row of a signed certificate; `version` is None where it signed itself."""
    ident = uow.new_id()
    facts = certificate_facts(leaf)
    chain, root = _chain(version) if version else ([], None)
    return Certificate(
        id=ident,
        created_at=uow.now,
        application_id=row.application_id,
        lineage_id=present.lineage_id if present else row.id,
        request_id=row.id,
        profile_id=profile.id,
        ca_certificate_id=version.id if version else None,
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
        key_sealed=key.seal(uow.context, ident),
        key_shown_at=present.key_shown_at if present and row.same_key else None,
        attributes=row.attributes,
    )


def _chain(version: CaCertificate) -> tuple[list[str], str | None]:
    """Intermediates below the root, and the root."""
    if not version.chain:
        return [], version.pem
    return [version.pem, *version.chain[:-1]], version.chain[-1]
