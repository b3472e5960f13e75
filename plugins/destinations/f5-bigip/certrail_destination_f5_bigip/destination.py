"""A client SSL profile with its certificate, key and chain: all of them change in one transaction, or none."""

from base64 import b64encode
from hashlib import sha1
from typing import Any

from pydantic import SecretStr

from certrail_destination_f5_bigip.config import F5Config
from certrail_sdk import Bundle, Deployment, NotFound, Permanent, Receipt
from certrail_sdk.http import request, request_json
from certrail_sdk.named import Found, NamedDestination

PROFILE, CERTIFICATE, KEY = "tm/ltm/profile/client-ssl", "tm/sys/file/ssl-cert", "tm/sys/file/ssl-key"
FILES = {".crt": CERTIFICATE, ".key": KEY, "-chain.crt": CERTIFICATE}
"""By what is put behind the name of the profile: the collection of that file."""
DOWNLOADS = "/var/config/rest/downloads"
Change = tuple[str, str, str, dict[str, Any] | None]
"""Method, collection, name within it, and document."""


class F5BigIp(NamedDestination[F5Config]):
    """Keeps each certificate as a client SSL profile of a BIG-IP, for virtual servers to refer to."""

    name = "f5-bigip"
    title = "F5 BIG-IP"
    connection_type = "f5-bigip"
    name_pattern = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
    name_length = 128

    def reference(self, name: str) -> str:
        """The URL of the profile."""
        return self.config.at("mgmt", *PROFILE.split("/"), self._full(name)).url

    async def find(self, name: str) -> Found | None:
        """Read the profile and its files: BIG-IP tells their checksums, and the fingerprint of the leaf."""
        profile = await self._read(PROFILE, name)
        files = {suffix: await self._read(kind, name + suffix) for suffix, kind in FILES.items()}
        sums = {suffix: file["checksum"] for suffix, file in files.items() if file}
        if profile is None and not sums:
            return None
        leaf = (
            str((files[".crt"] or {}).get("fingerprint", "")).removeprefix("SHA256/").replace(":", "").lower()
        )
        mark = str((profile or {}).get("description", ""))
        delivery = mark.removeprefix("certrail ") if mark.startswith("certrail ") else None
        return Found(delivery, (leaf,) if leaf else (), raw={"profile": profile is not None, **sums})

    def holds(self, found: Found, bundle: Bundle) -> bool:
        """Whether each file there has the bytes that it would be given."""
        key = bundle.private_key or SecretStr("")
        wanted = {suffix: _checksum(text) for suffix, text in _texts(bundle, key).items()}
        return bool(found.raw == {"profile": True, **wanted})

    async def deploy(self, deployment: Deployment) -> Receipt:
        """As any other; and an earlier try may have been cut off before its uploads were deleted."""
        receipt = await super().deploy(deployment)
        if deployment.may_exist and not receipt.changed:
            await self._delete_uploads(deployment.name)
        return receipt

    async def put(self, name: str, deployment: Deployment, key: SecretStr, found: Found | None) -> None:
        """Upload the files, and have them and the profile changed by one transaction."""
        there, texts = (found.raw if found else {}), _texts(deployment.bundle, key)
        files: list[Change] = []
        try:
            for suffix, text in texts.items():
                await self._upload(upload := self._upload_name(name, suffix), text.encode())
                source = {"sourcePath": f"file:{DOWNLOADS}/{upload}"}
                files.append(self._set(FILES[suffix], name + suffix, source, exists=suffix in there))
            at = {suffix: f"/{self.config.partition}/{name}{suffix}" for suffix in texts}
            chain = {
                "name": "certrail",
                "cert": at[".crt"],
                "key": at[".key"],
                "chain": at.get("-chain.crt", "none"),
            }
            profile = {"description": f"certrail {deployment.delivery}", "certKeyChain": [chain]}
            known = bool(there.get("profile"))
            new = {} if known else {"defaultsFrom": self.config.parent}
            gone: list[Change] = [
                ("DELETE", FILES[each], name + each, None)
                for each in FILES
                if each in there and each not in texts
            ]
            await self._transact([*files, self._set(PROFILE, name, profile | new, exists=known), *gone])
        finally:
            await self._delete_uploads(name)

    async def drop(self, name: str, found: Found) -> None:
        """Delete profile and files; BIG-IP refuses while a virtual server refers to the profile."""
        files: list[Change] = [
            ("DELETE", FILES[each], name + each, None) for each in FILES if each in found.raw
        ]
        await self._transact([("DELETE", PROFILE, name, None), *files])

    async def _transact(self, changes: list[Change]) -> None:
        """Carry out all changes or none. A transaction that is not committed expires by itself."""
        transaction = (await self._call("POST", "tm/transaction", {}))["transId"]
        for method, kind, name, document in changes:
            at = kind if method == "POST" else f"{kind}/{self._full(name)}"
            await self._call(method, at, document, {"X-F5-REST-Coordination-Id": str(transaction)})
        done = await self._call("PATCH", f"tm/transaction/{transaction}", {"state": "VALIDATING"})
        if done.get("state") != "COMPLETED":
            raise Permanent(
                f"The transaction is {done.get('state')}: {done.get('failureReason', 'no reason given')}"
            )

    def _set(self, kind: str, name: str, values: dict[str, Any], *, exists: bool) -> Change:
        if exists:
            return "PATCH", kind, name, values
        return "POST", kind, name, {"name": name, "partition": self.config.partition, **values}

    async def _read(self, kind: str, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = await self._call("GET", f"{kind}/{self._full(name)}")
        except NotFound:
            return None
        return found

    async def _call(
        self, method: str, path: str, document: Any = None, more: dict[str, str] | None = None
    ) -> Any:
        return await request_json(
            self.config.at("mgmt", *path.split("/")), method, document, self._headers | (more or {})
        )

    async def _upload(self, name: str, content: bytes) -> None:
        size = len(content)
        headers = {"Content-Type": "application/octet-stream", "Content-Range": f"0-{size - 1}/{size}"}
        at = self.config.at("mgmt", "shared", "file-transfer", "uploads", name)
        await request(at, "POST", content, self._headers | headers)

    @property
    def _headers(self) -> dict[str, str]:
        pair = f"{self.config.username}:{self.config.password.get_secret_value()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _full(self, name: str) -> str:
        return f"~{self.config.partition}~{name}"

    async def _delete_uploads(self, name: str) -> None:
        """Whatever became of the transaction, a key must not stay among the uploads."""
        for suffix in (".key", ".crt", "-chain.crt"):
            removal = {"command": "run", "utilCmdArgs": f"{DOWNLOADS}/{self._upload_name(name, suffix)}"}
            await self._call("POST", "tm/util/unix-rm", removal)

    def _upload_name(self, name: str, suffix: str) -> str:
        return f"certrail-{self.config.partition}-{name}{suffix}"


def _texts(bundle: Bundle, key: SecretStr) -> dict[str, str]:
    texts = {".crt": bundle.certificate, ".key": key.get_secret_value(), "-chain.crt": bundle.chain_pem}
    return {suffix: text for suffix, text in texts.items() if text}


def _checksum(text: str) -> str:
    return f"SHA1:{len(text.encode())}:{sha1(text.encode(), usedforsecurity=False).hexdigest()}"
