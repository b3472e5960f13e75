"""The product level: authorities, certificate policies and profiles, shared by all Applications."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cryptography import x509
from pydantic import ValidationError
from sqlmodel import Session, SQLModel, col, or_, select

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.domain.errors import BadInput, Conflict, NotFound
from certrail.domain.policy import PolicyRules
from certrail.persistence.tables import (
    CaCertificate,
    CertificateAuthority,
    CertificatePolicy,
    CertificateProfile,
)
from certrail.pki.authority import self_signed_root
from certrail.pki.bundle import certificate_facts
from certrail.pki.keys import generate, to_pem
from certrail.services.actor import Actor
from certrail.services.kernel import Kernel

CA_KEY_PURPOSE = "ca-key"
DEFAULT_CA_LIFETIME = timedelta(days=3652)


class Product:
    """Owned by Product Admins."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def create_root(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        subject: Subject,
        key_algorithm: KeyAlgorithm = KeyAlgorithm.EC_P256,
        lifetime: timedelta = DEFAULT_CA_LIFETIME,
        max_path_length: int | None = None,
    ) -> CertificateAuthority:
        """Make an internal root authority with a key of its own, which never leaves the keyring's envelope.

        Raises:
            BadInput: the subject has no part.
            Conflict: the slug is taken.
        """
        if not any(subject.model_dump().values()):
            raise BadInput(
                "The subject of an authority needs at least one part, such as a common name.", "subject"
            )
        key = generate(key_algorithm)
        with self._kernel.change(actor) as change:
            _refuse_taken(change.session, CertificateAuthority, slug)
            certificate = self_signed_root(
                subject, key, new_serial(), change.now, change.now + lifetime, max_path_length
            )
            facts = certificate_facts(certificate)
            authority = CertificateAuthority(
                id=change.new_id(),
                created_at=change.now,
                slug=slug,
                name=name,
                kind="root",
                subject=subject.model_dump(exclude_none=True),
                key_algorithm=key_algorithm,
                key_sealed=self._kernel.keyring.seal(to_pem(key), CA_KEY_PURPOSE),
                max_path_length=max_path_length,
            )
            change.session.add(authority)
            change.session.flush()
            change.session.add(
                CaCertificate(
                    id=change.new_id(),
                    created_at=change.now,
                    ca_id=authority.id,
                    version=1,
                    pem=facts.pem,
                    serial=facts.serial,
                    fingerprint=facts.fingerprint,
                    not_before=facts.not_before,
                    not_after=facts.not_after,
                )
            )
            change.event("ca.created", "ca", authority.id, slug=slug, fingerprint=facts.fingerprint)
            return authority

    def create_policy(
        self, actor: Actor, *, slug: str, name: str, rules: Mapping[str, Any]
    ) -> CertificatePolicy:
        """Say what may be requested. Raises BadInput for rules that cannot be read."""
        parsed = _rules(rules)
        with self._kernel.change(actor) as change:
            _refuse_taken(change.session, CertificatePolicy, slug)
            policy = CertificatePolicy(
                id=change.new_id(), created_at=change.now, slug=slug, name=name, rules=parsed
            )
            change.session.add(policy)
            change.event("policy.created", "policy", policy.id, slug=slug, rules=parsed)
            return policy

    def update_policy(self, actor: Actor, reference: str, rules: Mapping[str, Any]) -> CertificatePolicy:
        """Replace the rules; requests that are still open are judged by the new ones before they are signed."""
        parsed = _rules(rules)
        with self._kernel.change(actor) as change:
            policy = find_policy(change.session, reference)
            before, policy.rules = policy.rules, parsed
            policy.version += 1
            change.session.add(policy)
            change.event("policy.updated", "policy", policy.id, before=before, after=parsed)
            return policy

    def create_profile(
        self,
        actor: Actor,
        *,
        slug: str,
        name: str,
        ca: str,
        policy: str,
        ttl: timedelta,
        defaults: Mapping[str, Any] | None = None,
    ) -> CertificateProfile:
        """Join an authority, a policy and defaults."""
        if ttl <= timedelta(0):
            raise BadInput("The lifetime must be longer than nothing.", "ttl")
        with self._kernel.change(actor) as change:
            _refuse_taken(change.session, CertificateProfile, slug)
            profile = CertificateProfile(
                id=change.new_id(),
                created_at=change.now,
                slug=slug,
                name=name,
                ca_id=find_authority(change.session, ca).id,
                policy_id=find_policy(change.session, policy).id,
                defaults=dict(defaults or {}),
                ttl_seconds=int(ttl.total_seconds()),
            )
            change.session.add(profile)
            change.event("profile.created", "profile", profile.id, slug=slug)
            return profile

    def authorities(self) -> Sequence[tuple[CertificateAuthority, CaCertificate]]:
        """All authorities with their active certificate."""
        with self._kernel.db.read() as session:
            return session.exec(
                select(CertificateAuthority, CaCertificate)
                .join(CaCertificate, col(CaCertificate.ca_id) == col(CertificateAuthority.id))
                .where(col(CaCertificate.active).is_(True))
                .order_by(CertificateAuthority.slug)
            ).all()

    def policies(self) -> Sequence[CertificatePolicy]:
        """All certificate policies."""
        with self._kernel.db.read() as session:
            return session.exec(select(CertificatePolicy).order_by(CertificatePolicy.slug)).all()

    def profiles(self) -> Sequence[CertificateProfile]:
        """All certificate profiles."""
        with self._kernel.db.read() as session:
            return session.exec(select(CertificateProfile).order_by(CertificateProfile.slug)).all()


def find_authority(session: Session, reference: str) -> CertificateAuthority:
    """By slug or id. Raises NotFound."""
    query = select(CertificateAuthority).where(
        or_(CertificateAuthority.id == reference, CertificateAuthority.slug == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("certificate authority")
    return found


def find_policy(session: Session, reference: str) -> CertificatePolicy:
    """By slug or id. Raises NotFound."""
    query = select(CertificatePolicy).where(
        or_(CertificatePolicy.id == reference, CertificatePolicy.slug == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("certificate policy")
    return found


def find_profile(session: Session, reference: str) -> CertificateProfile:
    """By slug or id. Raises NotFound."""
    query = select(CertificateProfile).where(
        or_(CertificateProfile.id == reference, CertificateProfile.slug == reference)
    )
    if (found := session.exec(query).first()) is None:
        raise NotFound("certificate profile")
    return found


def active_certificate(session: Session, ca_id: str) -> CaCertificate:
    """The certificate that an authority signs with now."""
    return session.exec(
        select(CaCertificate)
        .where(CaCertificate.ca_id == ca_id, col(CaCertificate.active).is_(True))
        .order_by(col(CaCertificate.version).desc())
    ).first() or _no_certificate(ca_id)


def new_serial() -> int:
    """An unguessable positive serial number of at most 20 octets (RFC 5280 section 4.1.2.2)."""
    return x509.random_serial_number()


def _no_certificate(ca_id: str) -> CaCertificate:
    raise Conflict(f"The authority {ca_id} has no certificate yet, so it cannot sign.")


def _rules(rules: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return PolicyRules.model_validate(rules).model_dump(mode="json", exclude_none=True)
    except ValidationError as err:
        faults = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in err.errors())
        raise BadInput(f"The rules are wrong. {faults}", "rules") from None


def _refuse_taken(session: Session, table: type[SQLModel], slug: str) -> None:
    if session.exec(select(table).where(col(table.slug) == slug)).first():  # type: ignore[attr-defined]
        raise Conflict(f"The name {slug!r} is taken.")
