"""One resource per certificate: read before it is written, and written only if nobody changed it meanwhile."""

import json
from collections.abc import Mapping
from typing import Any

from certrail_destination_http_put.config import HttpPutConfig
from certrail_sdk import (
    Deployment,
    Destination,
    NotFound,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
    pem,
)
from certrail_sdk.http import Response, request

Document = dict[str, Any]


class HttpPut(Destination[HttpPutConfig]):
    """Puts each certificate with chain and key as a JSON document to a URL."""

    name = "http-put"
    title = "HTTP PUT"
    connection_type = "http-put"
    name_pattern = r"[A-Za-z0-9][A-Za-z0-9._-]*"
    name_length = 128

    async def check(self) -> None:
        """Read a resource that need not be there: address, certificate and token are right."""
        await self._read("certrail-check")

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Put the document, unless the same is there already."""
        name, wanted = self._name(deployment), _document(deployment)
        found, etag = await self._read(name)
        if found is not None and found.get("delivery") != deployment.delivery:
            raise _foreign(name)
        if changed := found is None or not _says(found, wanted):
            # RFC 9110 section 13.1: a resource that somebody made or changed meanwhile is answered with 412.
            condition = {"If-None-Match": "*"} if found is None else {"If-Match": etag} if etag else {}
            await self._send("PUT", name, json.dumps(wanted).encode(), condition)
        return Receipt(
            reference=self.config.at(name).url, fingerprint=deployment.bundle.fingerprint, changed=changed
        )

    async def observe(self, target: Target) -> Observation:
        """Read the document back."""
        name = self._name(target)
        found, _ = await self._read(name) if self._is_here(target) else (None, "")
        if found is None or found.get("delivery") != target.delivery:
            return Observation(present=False)
        fingerprint = pem.fingerprint(str(found.get("certificate")))
        return Observation(present=True, fingerprint=fingerprint, reference=self.config.at(name).url)

    async def remove(self, target: Target) -> Removal:
        """Delete the resource, if it is ours."""
        name = self._name(target)
        if not self._is_here(target):
            raise Permanent(
                "The certificate was put to another URL than the present one.", action="Delete it there."
            )
        found, etag = await self._read(name)
        if found is None:
            return Removal(changed=False)
        if found.get("delivery") != target.delivery:
            raise _foreign(name)
        await self._send("DELETE", name, b"", {"If-Match": etag} if etag else {})
        return Removal(changed=True)

    async def _read(self, name: str) -> tuple[Document | None, str]:
        """The document with its ETag; ``None`` where there is none."""
        try:
            answer = await self._send("GET", name)
            found = json.loads(answer.body)
        except NotFound:
            return None, ""
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Permanent(f"{name} is there and is no JSON object, so it is not ours.")
        return found, answer.headers.get("etag", "")

    async def _send(
        self, method: str, name: str, body: bytes = b"", more: Mapping[str, str] | None = None
    ) -> Response:
        token = self.config.token
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        headers |= {"Accept": "application/json"} | ({"Content-Type": "application/json"} if body else {})
        return await request(self.config.at(name), method, body, headers | dict(more or {}))

    def _name(self, target: Target) -> str:
        return target.receipt.reference.rpartition("/")[2] if target.receipt else target.name

    def _is_here(self, target: Target) -> bool:
        return not target.receipt or target.receipt.reference == self.config.at(self._name(target)).url


def _document(deployment: Deployment) -> Document:
    bundle = deployment.bundle
    return {
        "delivery": deployment.delivery,
        "application": deployment.application,
        "lineage": deployment.lineage,
        "fingerprint": bundle.fingerprint,
        "certificate": bundle.certificate,
        "chain": bundle.chain_pem,
        "private_key": bundle.private_key.get_secret_value() if bundle.private_key else None,
    }


def _says(found: Document, wanted: Document) -> bool:
    """Whether all that can be read back is as wanted: a receiver may keep the key to itself."""
    return all(found.get(part) == value for part, value in wanted.items() if part != "private_key")


def _foreign(name: str) -> Permanent:
    return Permanent(
        f"{name} was not put there by this delivery.",
        action="Delete it there, or give the sync another name schema; then retry.",
    )
