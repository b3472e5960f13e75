"""Answers about certificate authorities and mirrors."""

from collections.abc import Sequence
from typing import Any

from certrail.domain.states import AuthorityStatus
from certrail.persistence.tables import CaCertificate, CertificateAuthority, Connection, CrlCopy, CrlMirror
from certrail.services.facade import Services
from certrail_server.api.schemas.authorities import (
    AuthorityOut,
    AuthorityWithVersionsOut,
    CaCertificateOut,
    CrlCopyOut,
    MirrorOut,
)


def authority_answers(
    services: Services, rows: Sequence[tuple[CertificateAuthority, CaCertificate | None]]
) -> list[AuthorityOut]:
    """One for each authority with the certificate that it signs with."""
    parents = services.names.of({CertificateAuthority: (row.parent_id for row, _ in rows)})[
        CertificateAuthority
    ]
    return [
        AuthorityOut.of(row, **_derived(row, own), parent=parents.get(row.parent_id or ""))
        for row, own in rows
    ]


def authority_answer(services: Services, ident: str) -> AuthorityWithVersionsOut:
    """For one authority, as it is now."""
    row, versions = services.authorities.get(ident)
    own = next((version for version in versions if version.active), None)
    parents = services.names.of({CertificateAuthority: [row.parent_id]})[CertificateAuthority]
    return AuthorityWithVersionsOut.of(
        row,
        **_derived(row, own),
        parent=parents.get(row.parent_id or ""),
        certificates=[CaCertificateOut.of(version) for version in versions],
    )


def mirror_answers(
    services: Services, rows: Sequence[tuple[CrlMirror, Sequence[CrlCopy]]]
) -> list[MirrorOut]:
    """One for each mirror with its copies."""
    connections = services.names.of({Connection: (mirror.connection_id for mirror, _ in rows)})[Connection]
    return [
        MirrorOut.of(
            mirror,
            connection=connections.get(mirror.connection_id or ""),
            config=services.mirrors.shown(mirror),
            copies=[CrlCopyOut.of(copy) for copy in copies],
        )
        for mirror, copies in rows
    ]


def mirror_answer(services: Services, row: tuple[CrlMirror, Sequence[CrlCopy]]) -> MirrorOut:
    """For one mirror."""
    (answer,) = mirror_answers(services, [row])
    return answer


def _derived(row: CertificateAuthority, own: CaCertificate | None) -> dict[str, Any]:
    return {
        "enabled": row.status != AuthorityStatus.DISABLED,
        "certificate": CaCertificateOut.of(own) if own else None,
        "lifetime": own.not_after - own.not_before if own else None,
        "renewal_info": row.advice,
    }
