"""A key that cannot be extracted, as an HSM or a KMS holds it: a handle that signs."""

from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec
from sqlmodel import select
from tests.integration.conftest import Team

from certrail.crypto.purposes import CA_KEY_PURPOSE, of_row
from certrail.persistence.tables import CaKey, CertificateAuthority
from certrail.pki.keys import from_pem
from certrail.pki.signer import KeyName


class HardwareKey(ec.EllipticCurvePrivateKey):
    """Signs, and refuses everything that would need the private value."""

    def __init__(self, inside: ec.EllipticCurvePrivateKey) -> None:
        self._inside = inside
        self.signatures = 0

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        self.signatures += 1
        return self._inside.sign(data, signature_algorithm)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._inside.public_key()

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._inside.curve

    @property
    def key_size(self) -> int:
        return self._inside.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        raise AssertionError("no key agreement with a signing key")

    def private_numbers(self) -> NoReturn:
        raise AssertionError("the key cannot be extracted")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:
        raise AssertionError("the key cannot be extracted")

    def __copy__(self) -> "HardwareKey":
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> "HardwareKey":
        return self


class HardwareModule:
    """A `KeyHolder` with one key."""

    def __init__(self, name: KeyName, key: HardwareKey) -> None:
        self._name, self.key = name, key

    def private_key(self, name: KeyName) -> HardwareKey:
        assert name == self._name
        return self.key


def take_out(team: Team, slug: str, signer: str) -> tuple[KeyName, ec.EllipticCurvePrivateKey]:
    """Take an authority's key out of the database, as if it had always been at this signer."""
    with team.services.context.db.write() as session:
        query = select(CaKey).join(CertificateAuthority).where(CertificateAuthority.slug == slug)
        row = session.exec(query).one()
        purpose = of_row(CA_KEY_PURPOSE, row.id)
        private_key = from_pem(team.services.context.keyring.open(row.key_sealed or "", purpose))
        assert isinstance(private_key, ec.EllipticCurvePrivateKey)
        row.signer, row.key_sealed = signer, None
        session.add(row)
        return KeyName(row.ca_id, row.spki), private_key


def into_hardware(team: Team, slug: str = "root") -> HardwareModule:
    """Move an authority's key into an HSM of the process."""
    name, private_key = take_out(team, slug, "hsm")
    module = HardwareModule(name, HardwareKey(private_key))
    team.services.context.signers = {"hsm": module}
    return module
