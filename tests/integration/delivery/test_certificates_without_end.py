"""A certificate that is valid until 99991231235959Z (RFC 5280 section 4.1.2.5), from its import over HTTP on."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from tests.integration import alert_world
from tests.integration.acm_world import AcmWorld
from tests.integration.api_client import entered

from certrail.domain.content import KeyAlgorithm
from certrail.pki.keys import generate, to_pem
from certrail.services.inventory.selectors import CertificateSelector

FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
GRACE = timedelta(days=366)
"""The longest."""
NAME = "device.example.com"


def body(now: datetime) -> dict[str, object]:
    """An import with its key, so that it is delivered."""
    key = generate(KeyAlgorithm.EC_P256)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(FOREVER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return {
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "private_key": to_pem(key).decode(),
    }


async def test_it_is_imported_listed_delivered_and_removed(acm_world: AcmWorld) -> None:
    team = acm_world.team
    acm_world.sync(prune_grace_seconds=int(GRACE.total_seconds()))
    alert_world.connect(team)
    alert_world.channel(team, "mail")
    alert_world.alert(team, "certificate.expiring", thresholds=[timedelta(days=365)])
    with entered(team, team.admin.principal_id or "") as api:
        imported = api.post("applications/app/certificates", body(team.clock()))
        assert imported.status_code == 201, imported.text
        row = imported.json()
        assert row["not_after"] == "9999-12-31T23:59:59Z"
        listed = api.client.get("/api/v1/applications/app/certificates", params={"status": "active"})
        assert [one["id"] for one in listed.json()["items"]] == [row["id"]]
        await everything(acm_world)
        assert len(acm_world.there) == 1
        assert acm_world.plans() == [("ended", "waiting")], "for a time that never comes"
        team.clock.advance(timedelta(days=800))
        await everything(acm_world)
        assert acm_world.reported("certificate.expiring") == []
    team.services.syncs.update(
        team.admin, team.application, "acm", selection=CertificateSelector(names=("other.example.com",))
    )
    await everything(acm_world)
    assert acm_world.plans() == [("unselected", "waiting")]
    assert len(acm_world.there) == 1, "its grace has begun"
    team.clock.advance(GRACE)
    await everything(acm_world)
    assert acm_world.there == set()


async def everything(acm_world: AcmWorld) -> None:
    """Every sweep, and every workflow of a delivery."""
    for sweep in acm_world.team.services.sweeps.values():
        sweep()
    await acm_world.work()
