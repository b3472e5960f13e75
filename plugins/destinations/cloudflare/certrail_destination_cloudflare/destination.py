"""One custom certificate of a zone, edited in place. Cloudflare keeps no mark and shows no fingerprint of it.

So an object is known by the id in the receipt; one whose receipt was lost by its names, issuer and expiry; and whether
somebody changed it by the time of its last change.
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from certrail_destination_cloudflare.config import CloudflareConfig
from certrail_sdk import (
    Bundle,
    Deployment,
    Destination,
    NotFound,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
    Unauthorized,
    pem,
)
from certrail_sdk.http import request_json

PAGE = 50
"""The most that one page of a list has."""
BAD_HEADER = re.compile(r'"code": ?6003\b')
"""Code of the 400 that answers a token which cannot be one."""
Certificate = dict[str, Any]


class Cloudflare(Destination[CloudflareConfig]):
    """Keeps each certificate as a custom certificate of a zone of Cloudflare."""

    name = "cloudflare"
    title = "Cloudflare"
    connection_type = "cloudflare"

    async def check(self) -> None:
        """List one page: token and zone are right."""
        await self._call("GET", query={"page": "1", "per_page": "5"})

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Upload the certificate, or edit the one of the receipt, unless it is there already."""
        known, bundle = self._here(deployment), deployment.bundle
        content = {
            "certificate": pem.full_chain(bundle),
            "private_key": pem.key_of(bundle, self.title),
            "bundle_method": "force",  # the chain as it is, not one that Cloudflare prefers
        }
        found = await self._found(known)
        lost = await self._lost(bundle) if found is None and deployment.may_exist else None
        # The receipt tells which certificate the id had; after a lost answer, editing it again does no harm.
        same = lost or (found and known and self._fingerprint(found, known) == bundle.fingerprint)
        if changed := not same:
            if found:
                found = await self._call("PATCH", found["id"], content)
            else:
                found = await self._call("POST", document=content | {"type": self.config.type})
        certificate: Certificate = lost or found or {}
        return Receipt(
            reference=self._reference(deployment),
            version=certificate["id"],
            fingerprint=bundle.fingerprint,
            changed=changed,
            details={"modified_on": certificate["modified_on"]},
        )

    async def observe(self, target: Target) -> Observation:
        """Whether the certificate of the receipt is there and nobody has edited it since."""
        receipt = target.receipt
        if receipt and receipt.reference != self._reference(target):
            return Observation(present=False)
        found = await self._found(receipt)
        if not found or not receipt:
            return Observation(present=False)
        known, version = self._fingerprint(found, receipt), found["id"]
        return Observation(present=True, fingerprint=known, reference=receipt.reference, version=version)

    async def remove(self, target: Target) -> Removal:
        """Delete the certificate of the receipt."""
        found = await self._found(self._here(target))
        if found:
            await self._call("DELETE", found["id"])
        return Removal(changed=found is not None)

    async def _lost(self, bundle: Bundle) -> Certificate | None:
        """What an earlier try uploaded whose answer did not arrive: the same names, issuer and expiry."""
        async for each in self._all():
            if set(each["hosts"]) == set(bundle.dns_names) and _time(each["expires_on"]) == bundle.not_after:
                return each
        return None

    async def _all(self) -> AsyncIterator[Certificate]:
        page = more = 1
        while more:
            listed = await self._call("GET", query={"page": str(page), "per_page": str(PAGE)})
            for each in listed:
                yield each
            page, more = page + 1, len(listed) == PAGE

    async def _found(self, receipt: Receipt | None) -> Certificate | None:
        if not receipt or not receipt.version:
            await self.check()  # a token or a zone that does not work is not taken for an absent certificate
            return None
        try:
            found: Certificate = await self._call("GET", receipt.version)
        except NotFound:
            return None
        return found

    async def _call(
        self, method: str, ident: str = "", document: Any = None, query: dict[str, str] | None = None
    ) -> Any:
        at = self.config.at(
            "zones", self.config.zone, "custom_certificates", *filter(None, [ident]), query=query
        )
        try:
            answer = await request_json(
                at, method, document, {"Authorization": f"Bearer {self.config.token.get_secret_value()}"}
            )
        except Permanent as error:
            if error.status != 400 or not BAD_HEADER.search(error.body):
                raise
            refusal = str(error)
        else:
            return answer["result"]
        raise Unauthorized(refusal)

    def _fingerprint(self, found: Certificate, receipt: Receipt) -> str | None:
        """That of the receipt as long as nobody changed the certificate since; else nobody can tell."""
        return receipt.fingerprint if receipt.details.get("modified_on") == found["modified_on"] else None

    def _reference(self, target: Target) -> str:
        return f"{self.config.at('zones', self.config.zone, 'custom_certificates').url}#{target.delivery}"

    def _here(self, target: Target) -> Receipt | None:
        if target.receipt and target.receipt.reference != self._reference(target):
            message = f"{target.receipt.reference} is not in the zone of the present connection."
            raise Permanent(message, action="Delete it there by hand, then retry.")
        return target.receipt


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
