"""An authority that is not ours."""

from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.integration.conftest import Team

from certrail.domain.content import KeyAlgorithm, Subject
from certrail.pki.authority import intermediate, self_signed_root
from certrail.pki.keys import PrivateKey, generate

DAY = timedelta(days=1)


class Elsewhere:
    """An authority that is not ours."""

    def __init__(self, team: Team) -> None:
        self._now = team.clock.now
        self._key = generate(KeyAlgorithm.EC_P256)
        subject = Subject(common_name="Elsewhere")
        self.root = self_signed_root(subject, self._key, 7, self._now, self._now + 900 * DAY, None)

    def sign(
        self, csr_pem: str, *, days: int = 300, subject: Subject | None = None, key: PrivateKey | None = None
    ) -> str:
        csr = x509.load_pem_x509_csr(csr_pem.encode())
        assert csr.is_signature_valid
        asked = csr.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert asked.ca
        name = csr.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value
        return (
            intermediate(
                subject or Subject(common_name=str(name)),
                key.public_key() if key else csr.public_key(),  # type: ignore[arg-type]
                self.root,
                self._key,
                serial=x509.random_serial_number(),
                not_before=self._now,
                not_after=self._now + days * DAY,
                max_path_length=asked.path_length,
            )
            .public_bytes(Encoding.PEM)
            .decode()
        )

    @property
    def pem(self) -> str:
        return self.root.public_bytes(Encoding.PEM).decode()
