"""Intermediates: where their status is found, and their revocation by the authority above them."""

import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID
from tests.integration.conftest import Team
from tests.support.web import serving

from certrail.domain.content import Subject
from certrail.domain.errors import BadInput, Conflict
from certrail.pki.revocation import Reason


@pytest.fixture
def url(team: Team) -> Iterator[str]:
    with serving(team.services) as url:
        team.services.context.public_url = url
        yield url


@pytest.fixture
def leaf(team: Team, url: str) -> x509.Certificate:
    """A leaf under three levels: root, middle, issuing."""
    for slug, parent, room in (("middle", "root", 1), ("issuing", "middle", 0)):
        team.services.authorities.create_intermediate(
            team.admin,
            slug=slug,
            name=slug,
            subject=Subject(common_name=slug),
            parent=parent,
            max_path_length=room,
        )
    team.services.catalog.create_profile(
        team.admin, slug="deep", name="Deep", ca="issuing", policy="tls", ttl=timedelta(days=7)
    )
    team.services.applications.attach_profile(team.admin, team.application, "deep")
    return x509.load_pem_x509_certificate(issued(team).encode())


def issued(team: Team) -> str:
    row = team.services.requests.submit(
        team.admin, team.application, profile="deep", content={"sans": {"dns": ["a.example.com"]}}
    )
    assert team.services.issuance.advance(row.id).status == "issued"
    return team.services.inventory.get(team.services.requests.get(row.id).certificate_id or "").pem


def accessed(certificate: x509.Certificate, method: x509.ObjectIdentifier) -> str:
    """The URL in the authority information access."""
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (found,) = (one.access_location.value for one in access if one.access_method == method)
    return str(found)


def issuer_of(certificate: x509.Certificate) -> x509.Certificate:
    """What its caIssuers leads to."""
    answer = httpx2.get(
        accessed(certificate, AuthorityInformationAccessOID.CA_ISSUERS), trust_env=False, timeout=60
    ).raise_for_status()
    assert answer.headers["content-type"] == "application/pkix-cert"
    return x509.load_der_x509_certificate(answer.content)


def path_of(leaf: x509.Certificate) -> list[x509.Certificate]:
    """The leaf and everything above it, fetched from where each certificate says."""
    path = [leaf]
    while path[-1].issuer != path[-1].subject:
        path.append(issuer_of(path[-1]))
        path[-2].verify_directly_issued_by(path[-1])
    return path


def verified(path: list[x509.Certificate], folder: Path) -> list[str]:
    """What `openssl verify` says of each certificate with the list that it names, and with what is above it."""
    return [_verified(certificate, issuer, folder) for certificate, issuer in pairwise(path)]


def _verified(certificate: x509.Certificate, issuer: x509.Certificate, folder: Path) -> str:
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    named = points[0].full_name
    assert named
    answer = httpx2.get(named[0].value, trust_env=False, timeout=60).raise_for_status()
    listed = x509.load_der_x509_crl(answer.content)
    for name, part in (("list", listed), ("verified", certificate), ("issuer", issuer)):
        (folder / f"{name}.pem").write_bytes(part.public_bytes(Encoding.PEM))
    command = "openssl verify -x509_strict -crl_check -CRLfile list.pem -partial_chain -trusted issuer.pem"
    done = subprocess.run(
        [*command.split(), "verified.pem"], cwd=folder, capture_output=True, text=True, check=False
    )
    return "good" if done.returncode == 0 else done.stderr


def by_ocsp(
    certificate: x509.Certificate, issuer: x509.Certificate, root: x509.Certificate, folder: Path
) -> str:
    """What `openssl ocsp` is answered where the certificate says."""
    for name, one in (("asked", certificate), ("issuer", issuer), ("root", root)):
        (folder / f"{name}.pem").write_bytes(one.public_bytes(Encoding.PEM))
    url = accessed(certificate, AuthorityInformationAccessOID.OCSP)
    command = "openssl ocsp -issuer issuer.pem -cert asked.pem -CAfile root.pem -verify_other issuer.pem"
    done = subprocess.run(
        [*command.split(), "-partial_chain", "-url", url],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^asked.pem: (\w+)", done.stdout, re.MULTILINE)
    assert found, done.stdout + done.stderr
    return found[1]


def test_status_and_issuer_of_every_level_are_found_where_its_certificate_says(
    leaf: x509.Certificate, tmp_path: Path
) -> None:
    path = path_of(leaf)
    assert len(path) == 4
    assert verified(path, tmp_path) == ["good"] * 3
    for certificate, issuer in pairwise(path):
        assert by_ocsp(certificate, issuer, path[-1], tmp_path) == "good"


def test_a_revoked_intermediate_is_in_the_list_and_the_answers_of_the_one_above(
    team: Team, leaf: x509.Certificate, tmp_path: Path
) -> None:
    path = path_of(leaf)
    row = team.services.authorities.revoke(team.admin, "issuing", Reason.KEY_COMPROMISE)
    (version,) = team.services.authorities.get(row.id)[1]
    assert (version.revoked_at, version.revocation_reason) == (team.clock.now, "keyCompromise")
    good, revoked, also_good = verified(path, tmp_path)
    assert (good, also_good) == ("good", "good")
    assert "certificate revoked" in revoked
    assert [by_ocsp(path[n], path[n + 1], path[-1], tmp_path) for n in range(3)] == [
        "good",
        "revoked",
        "good",
    ]
    (event,) = team.services.audit_log.events(None, type_="ca.revoked")
    assert event.data["serial"] == version.serial
    with pytest.raises(Conflict):
        team.services.authorities.revoke(team.admin, "issuing")


def test_it_signs_again_with_a_new_key_only(team: Team, leaf: x509.Certificate, tmp_path: Path) -> None:
    authorities = team.services.authorities
    authorities.revoke(team.admin, "issuing")
    with pytest.raises(Conflict, match="certificate of the authority issuing is revoked"):
        issued(team)
    with pytest.raises(Conflict, match="renew the authority with a new key"):
        authorities.renew(team.admin, "issuing")
    authorities.renew(team.admin, "issuing", new_key=True)
    path = path_of(x509.load_pem_x509_certificate(issued(team).encode()))
    assert verified(path, tmp_path) == ["good"] * 3


def test_what_cannot_be_revoked_here_is_refused(team: Team, leaf: x509.Certificate) -> None:
    authorities = team.services.authorities
    authorities.create_intermediate(
        team.admin, slug="outside", name="Outside", subject=Subject(common_name="Outside")
    )
    for slug in ("root", "outside"):
        with pytest.raises(Conflict, match="signed elsewhere is revoked there"):
            authorities.revoke(team.admin, slug)
    with pytest.raises(BadInput, match="for good"):
        authorities.revoke(team.admin, "issuing", Reason.CERTIFICATE_HOLD)


def test_a_deleted_intermediate_stays_revoked(team: Team, url: str) -> None:
    authorities = team.services.authorities
    authorities.create_intermediate(
        team.admin, slug="short", name="Short", subject=Subject(common_name="Short"), parent="root"
    )
    (version,) = authorities.get("short")[1]
    authorities.revoke(team.admin, "short")
    authorities.delete(team.admin, "short")
    team.services.status_responder.refresh()
    team.clock.advance(timedelta(days=2))
    team.services.status_responder.refresh()
    listed = x509.load_der_x509_crl(team.services.status_responder.crl("root").content)
    assert listed.get_revoked_certificate_by_serial_number(int(version.serial, 16)) is not None
