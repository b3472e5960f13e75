"""The certificate that a CSR with the same subject and names renews."""

from cryptography import x509
from sqlmodel import Session, col, select

from certrail.domain.content import Sans, Subject
from certrail.domain.errors import BadInput
from certrail.domain.states import CertificateStatus
from certrail.persistence.tables import Certificate, CertificateSearchTerm
from certrail.pki.csr import CsrFacts, certificate_content
from certrail.pki.lenient import public_key_of
from certrail.services.enrollment.scopes import Enrolled

MOST_CANDIDATES = 50


def find_renewed(
    session: Session, enrolled: Enrolled, facts: CsrFacts, *, same_key: bool = False
) -> Certificate | None:
    """The newest active certificate of an enrollment's profile with the subject and the names of a CSR.

    Args:
        same_key: and with its key, so that the client is the one that has the certificate.
    """
    names = [
        facts.subject.common_name,
        *(name for group in facts.sans.model_dump().values() for name in group),
    ]
    name = next((name for name in names if name), None)
    if name is None:
        return None
    query = (
        select(Certificate)
        .join(CertificateSearchTerm, col(CertificateSearchTerm.certificate_id) == col(Certificate.id))
        .where(
            CertificateSearchTerm.kind == "name",
            CertificateSearchTerm.value == name.lower(),
            CertificateSearchTerm.application_id == enrolled.application_id,
            Certificate.profile_id == enrolled.profile.id,
            Certificate.status == CertificateStatus.ACTIVE,
        )
        .order_by(col(Certificate.created_at).desc(), col(Certificate.id))
        .limit(MOST_CANDIDATES)
    )
    fitting = (row for row in session.exec(query) if has_names_of(row, facts))
    return next((row for row in fitting if not same_key or _has_key_of(row, facts)), None)


def has_names_of(row: Certificate, facts: CsrFacts) -> bool:
    """Whether subject and subject alternative names are those of a CSR, the latter in any order."""
    try:
        content = certificate_content(x509.load_pem_x509_certificate(row.pem.encode()))
    except BadInput:
        return False
    same_subject = Subject.model_validate(content["subject"]) == facts.subject
    return same_subject and _sets(Sans.model_validate(content["sans"])) == _sets(facts.sans)


def _has_key_of(row: Certificate, facts: CsrFacts) -> bool:
    return public_key_of(x509.load_pem_x509_certificate(row.pem.encode())) == facts.public_key


def _sets(sans: Sans) -> dict[str, frozenset[str]]:
    return {kind: frozenset(names) for kind, names in sans.model_dump().items()}
