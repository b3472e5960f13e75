"""The verbs that certrail calls. Each may be cancelled anywhere and called again; certrail waits and repeats."""

import json
from collections.abc import Mapping
from typing import Any

from certrail_sdk import Deployment, Destination, NotFound, Observation, Permanent, Receipt, Removal, Target, pem
from certrail_sdk.http import request

from certrail_destination_edge.config import EdgeConfig


class Edge(Destination[EdgeConfig]):
    """Keeps certificates with chain and private key in Edge."""

    name = "edge"
    title = "Edge"
    connection_type = "edge"
    name_pattern = r"[A-Za-z0-9][A-Za-z0-9-]*"
    name_length = 64

    async def check(self) -> None:
        """Read an object that need not be there: address and token are right, and nothing is changed."""
        await self._read("certrail-check")

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Write the object, unless it says the same already."""
        bundle, name = deployment.bundle, _name_of(deployment)
        chain, key = pem.full_chain(bundle), pem.key_of(bundle, self.title)
        # Also after a lost answer (may_exist): the object is found by its name, and is ours by its label.
        present = await self._read(name)
        if present is not None and present["label"] != deployment.delivery:
            raise _foreign(name)
        changed = present is None or present["chain"] != chain
        if changed:
            await self._send("PUT", name, {"chain": chain, "key": key, "label": deployment.delivery})
        return Receipt(reference=self._url(name), fingerprint=bundle.fingerprint, changed=changed)

    async def observe(self, target: Target) -> Observation:
        """Read back what is there; certrail compares."""
        name = _name_of(target)
        present = await self._read(name) if self._is_here(target) else None
        if present is None or present["label"] != target.delivery:
            return Observation(present=False)
        return Observation(present=True, fingerprint=pem.fingerprint(present["chain"]), reference=self._url(name))

    async def remove(self, target: Target) -> Removal:
        """Delete the object, if it is ours."""
        name = _name_of(target)
        if not self._is_here(target):
            raise Permanent(f"{name} was put to another Edge than the present one.", action="Delete it there.")
        present = await self._read(name)
        if present is None:
            return Removal(changed=False)
        if present["label"] != target.delivery:
            raise _foreign(name)
        await self._send("DELETE", name)
        return Removal(changed=True)

    async def _read(self, name: str) -> Mapping[str, Any] | None:
        """The object of this name; None where there is none."""
        try:
            return await self._send("GET", name)
        except NotFound:
            return None

    async def _send(self, method: str, name: str, document: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """One request; whatever is not 2xx is raised as the error that says what certrail does next."""
        headers = {"Authorization": f"Bearer {self.config.token.get_secret_value()}"}
        body = json.dumps(document).encode() if document else b""
        answer = await request(self.config.at("certificates", name), method, body, headers)
        found: Mapping[str, Any] = json.loads(answer.body or b"{}")
        return found

    def _url(self, name: str) -> str:
        return self.config.at("certificates", name).url

    def _is_here(self, target: Target) -> bool:
        """Whether the receipt names an object of this Edge: the configuration may have been changed since."""
        return target.receipt is None or target.receipt.reference == self._url(_name_of(target))


def _name_of(target: Target) -> str:
    """Where it was put, which the receipt says; else how it is to be called."""
    return target.receipt.reference.rpartition("/")[2] if target.receipt else target.name


def _foreign(name: str) -> Permanent:
    return Permanent(
        f"{name} belongs to somebody else.", action="Delete it there, or give the sync another name schema."
    )
