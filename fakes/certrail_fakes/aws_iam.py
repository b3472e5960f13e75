"""Server certificates of AWS IAM as its API reference describes them (docs.aws.amazon.com/IAM/latest/APIReference)."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from certrail_fakes.acm_auth import Caller
from certrail_fakes.acm_rules import (
    Refusal,
    certificates_of,
    check_chain,
    check_key,
    check_times,
    only_certificate,
)
from certrail_fakes.aws_service import Body, Service, listed, tags_of

T = TypeVar("T")


@dataclass
class ServerCertificate:
    """What was uploaded. IAM gives the private key to nobody; tests may read it here."""

    path: str
    name: str
    arn: str
    id: str
    body: str
    chain: str
    key: str
    tags: dict[str, str]
    uploaded: datetime
    expires: datetime

    def metadata(self) -> Body:
        """As lists show it."""
        return {
            "Path": self.path,
            "ServerCertificateName": self.name,
            "ServerCertificateId": self.id,
            "Arn": self.arn,
            "UploadDate": self.uploaded,
            "Expiration": self.expires,
        }


class Iam(Service):
    """Names are unique in the account whatever their case. ``settings.iam_quota`` is 20, as a new account has it."""

    name = "iam"
    writes = frozenset({"UploadServerCertificate", "DeleteServerCertificate"})

    def clear(self) -> None:
        """Forget all certificates."""
        self.certificates: dict[str, ServerCertificate] = {}

    def upload_server_certificate(self, given: Body, caller: Caller) -> Body:
        name, path = given["ServerCertificateName"], given.get("Path", "/")
        now = datetime.fromtimestamp(time.time(), UTC)
        leaf = _as("MalformedCertificate", lambda: only_certificate(given["CertificateBody"].encode()))
        chain_pem = given.get("CertificateChain", "")
        _as("KeyPairMismatch", lambda: check_key(given["PrivateKey"].encode(), leaf))
        chain = _as("MalformedCertificate", lambda: certificates_of(chain_pem.encode())) if chain_pem else ()
        _as("MalformedCertificate", lambda: check_chain(leaf, chain, False))
        _as("MalformedCertificate", lambda: check_times((leaf,), now))
        if name.lower() in self.certificates:
            raise Refusal("EntityAlreadyExists", f"The Server Certificate with name {name} already exists.")
        quota = self.state.settings.iam_quota
        if len(self.certificates) >= quota:
            raise Refusal("LimitExceeded", f"Cannot exceed quota for ServerCertificatesPerAccount: {quota}")
        made = ServerCertificate(
            path,
            name,
            f"arn:aws:iam::{self.account_id}:server-certificate{path}{name}",
            f"ASCA{uuid.uuid4().hex[:17].upper()}",
            given["CertificateBody"],
            chain_pem,
            given["PrivateKey"],
            tags_of(given),
            now,
            leaf.not_valid_after_utc,
        )
        self.certificates[name.lower()] = made
        return {"ServerCertificateMetadata": made.metadata(), "Tags": listed(made.tags)}

    def list_server_certificates(self, given: Body, caller: Caller) -> Body:
        start, size = int(given.get("Marker", 0)), given.get("MaxItems", 100)
        prefix = given.get("PathPrefix", "/")
        found = [one.metadata() for one in self.certificates.values() if one.path.startswith(prefix)]
        more = start + size < len(found)
        return {
            "ServerCertificateMetadataList": found[start : start + size],
            "IsTruncated": more,
            "Marker": str(start + size) if more else None,
        }

    def get_server_certificate(self, given: Body, caller: Caller) -> Body:
        found = self._found(given)
        return {
            "ServerCertificate": {
                "ServerCertificateMetadata": found.metadata(),
                "CertificateBody": found.body,
                "CertificateChain": found.chain or None,
                "Tags": listed(found.tags),
            }
        }

    def delete_server_certificate(self, given: Body, caller: Caller) -> None:
        found = self._found(given)
        if users := self.state.settings.in_use.get(found.arn):
            raise Refusal(
                "DeleteConflict",
                f"Certificate: {found.id} is currently in use by {users[0]}. Please remove it first.",
            )
        del self.certificates[found.name.lower()]

    def _found(self, given: Body) -> ServerCertificate:
        name = given["ServerCertificateName"]
        found = self.certificates.get(name.lower())
        if found is None:
            raise Refusal("NoSuchEntity", f"The Server Certificate with name {name} cannot be found.")
        return found


def _as(code: str, checked: Callable[[], Any]) -> Any:
    """A check of ACM's, refused with IAM's error code."""
    try:
        return checked()
    except Refusal as refusal:
        if code == "KeyPairMismatch" and "does not match" not in refusal.message:
            code = "MalformedCertificate"
        raise Refusal(code, refusal.message) from None
