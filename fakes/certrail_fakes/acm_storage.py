"""The certificates moto keeps for one account, with the tags and chains it would lose."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from moto.acm.models import acm_backends

from certrail_fakes.acm_rules import Import, key_type, names


@dataclass(frozen=True)
class Stored:
    """One certificate in the account, as a test wants to see it."""

    arn: str
    region: str
    fingerprint: str
    key_type: str
    names: tuple[str, ...]
    tags: dict[str, str]
    chain: tuple[str, ...]


class Storage:
    """Reads moto's store directly, and restores what moto loses or invents."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self._chains: dict[str, str] = {}

    def leaf(self, region: str, arn: str) -> x509.Certificate | None:
        """The certificate under an ARN."""
        bundle = self._bundles(region).get(arn)
        return None if bundle is None else x509.load_pem_x509_certificate(bundle.cert)

    def size(self, region: str) -> int:
        """How many certificates the region holds."""
        return len(self._bundles(region))

    def chain(self, arn: str) -> str | None:
        """The chain as it was given."""
        return self._chains.get(arn)

    def store(self, region: str, wanted: Import, body: Mapping[str, Any], put: Callable[[], str]) -> str:
        """Run an import that was found good, keeping the tags of what it replaces."""
        replaced = self._bundles(region).get(wanted.arn) if wanted.arn else None
        arn = put()
        if replaced is not None:
            self._bundles(region)[arn].tags = replaced.tags
        self._chains.pop(arn, None)
        if body.get("CertificateChain"):
            self._chains[arn] = base64.b64decode(body["CertificateChain"]).decode()
        return arn

    def all(self) -> list[Stored]:
        """Every certificate of the account, oldest first."""
        return [
            self._stored(region, arn, bundle)
            for region in acm_backends[self.account_id]
            for arn, bundle in sorted(self._bundles(region).items(), key=lambda item: item[1].created_at)
        ]

    def texts(self) -> dict[str, str]:
        """Leaf, chain, key and tags of every certificate by its ARN; ACM itself gives the key to nobody."""
        return {
            arn: "\n".join(
                (bundle.cert.decode(), self._chains.get(arn, ""), bundle.key.decode(), str(dict(bundle.tags)))
            )
            for region in acm_backends[self.account_id]
            for arn, bundle in self._bundles(region).items()
        }

    def clear(self) -> None:
        """Forget everything."""
        for region in acm_backends[self.account_id]:
            self._bundles(region).clear()
        self._chains.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Every certificate as JSON values."""
        return [asdict(stored) for stored in self.all()]

    def _bundles(self, region: str) -> dict[str, Any]:
        found: dict[str, Any] = acm_backends[self.account_id][region]._certificates
        return found

    def _stored(self, region: str, arn: str, bundle: Any) -> Stored:
        leaf = x509.load_pem_x509_certificate(bundle.cert)
        chain = x509.load_pem_x509_certificates(self._chains[arn].encode()) if arn in self._chains else []
        return Stored(
            arn,
            region,
            fingerprint(leaf),
            key_type(leaf),
            tuple(sorted(names(leaf))),
            {key: value or "" for key, value in bundle.tags.items()},
            tuple(fingerprint(certificate) for certificate in chain),
        )


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER, lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()
