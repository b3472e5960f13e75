"""The signing port: callers work with any signer, and no other module opens an authority's key."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from tests.integration.authorities.hardware import into_hardware, take_out
from tests.integration.conftest import Team

import certrail.services
from certrail.domain.content import Subject
from certrail.domain.errors import Conflict

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_key_that_cannot_be_extracted_signs_everything_an_authority_signs(team: Team) -> None:
    module = into_hardware(team)
    issuer = x509.load_pem_x509_certificate(team.services.authorities.get("root")[1][0].pem.encode())

    request_id, _ = team.ask(team.admin)
    assert team.services.issuance.advance(request_id).status == "issued"
    row = team.services.inventory.get(team.services.requests.get(request_id).certificate_id or "")
    leaf = x509.load_pem_x509_certificate(row.pem.encode())
    leaf.verify_directly_issued_by(issuer)

    crl = x509.load_der_x509_crl(team.services.status_responder.crl("root").content)
    assert crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]

    question = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA256()).build()
    answer = team.services.status_responder.ocsp("root", question.public_bytes(Encoding.DER))
    (signer,) = ocsp.load_der_ocsp_response(answer.content).certificates
    signer.verify_directly_issued_by(issuer)

    team.services.authorities.create_intermediate(
        team.admin, slug="sub", name="Sub", subject=Subject(common_name="Sub"), parent="root"
    )
    team.services.authorities.renew(team.admin, "root")
    assert len(team.services.authorities.get("root")[1]) == 2
    assert module.key.signatures == 5, "leaf, CRL, OCSP signer, intermediate, renewed root"


def test_a_signer_that_this_process_does_not_have_is_named(team: Team) -> None:
    take_out(team, "root", "elsewhere")
    request_id, _ = team.ask(team.admin)
    assert team.services.issuance.advance(request_id).status == "failed"
    assert "elsewhere is not configured" in (team.services.requests.get(request_id).reason or "")
    with pytest.raises(Conflict, match="elsewhere is not configured") as refused:
        team.services.authorities.renew(team.admin, "root")
    assert refused.value.kind == "unknown-signer"


def test_only_the_port_opens_the_keys_of_authorities(team: Team) -> None:
    services = Path(certrail.services.__file__ or "").parent
    users = {
        str(path.relative_to(services))
        for path in services.rglob("*.py")
        if any(
            word in path.read_text()
            for word in ("CA_KEY_PURPOSE", "OCSP_KEY_PURPOSE", '"ca-key"', '"ocsp-key"')
        )
    }
    # Key rotation moves envelopes to another key of the keyring and sees no key inside.
    assert users == {"authorities/signing_port.py", "operations/key_rotation.py"}
