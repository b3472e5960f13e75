"""Destinations where each certificate is one object under its exact name: four calls of the vendor's make one."""

from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import SecretStr

from certrail_sdk import pem
from certrail_sdk.destination import (
    Bundle,
    Deployment,
    Destination,
    Observation,
    Receipt,
    Removal,
    Target,
)
from certrail_sdk.errors import Permanent
from certrail_sdk.plugin import ConfigT

__all__ = ["Found", "NamedDestination"]


@dataclass(frozen=True, slots=True)
class Found:
    """What stands under a name at the other side.

    Attributes:
        delivery: the mark; ``None`` where there is none.
        chain: SHA-256 of each certificate's DER, leaf first; empty where none can be read.
        key_fits: whether the key there belongs to the leaf; ``None`` where that cannot be told.
        raw: what the vendor answered, for the calls that follow, such as a version; kept out of every repr.
    """

    delivery: str | None
    chain: tuple[str, ...] = ()
    key_fits: bool | None = None
    raw: Any = field(default=None, repr=False)

    @classmethod
    def of_pem(cls, delivery: str | None, text: str, raw: Any = None) -> Self:
        """Read chain and key from a text; needs ``certrail-sdk[pem]``. What cannot be read counts as not there."""
        try:
            chain, key = pem.fingerprints(text), pem.private_key(text)
            fits = pem.key_fits(text, key) if chain and key else None
        except ValueError:
            chain, fits = (), None
        return cls(delivery, chain, fits, raw)


class NamedDestination(Destination[ConfigT]):
    """One object per certificate, which has its chain, key and mark together and is replaced in one call.

    Say how an object is called there, and how it is found, put and dropped. The verbs are here: what is there already
    is not written again, what has another mark or none is left alone, and so is what a receipt says is elsewhere.
    """

    def reference(self, name: str) -> str:
        """The other side's own name for the object, with the place: another place makes another reference."""
        raise NotImplementedError

    async def find(self, name: str) -> Found | None:
        """What stands under the name now; ``None`` where there is nothing."""
        raise NotImplementedError

    async def put(self, name: str, deployment: Deployment, key: SecretStr, found: Found | None) -> None:
        """Create the object with the mark ``deployment.delivery``, or replace ``found``, in one step.

        Raises:
            ConcurrentModification: somebody made or changed the object since it was found.
        """
        raise NotImplementedError

    async def drop(self, name: str, found: Found) -> None:
        """Delete what was found."""
        raise NotImplementedError

    def holds(self, found: Found, bundle: Bundle) -> bool:
        """Whether nothing is to be written; by default: the same chain, and no key of another certificate."""
        return found.chain == pem.fingerprints(pem.full_chain(bundle)) and found.key_fits is not False

    async def check(self) -> None:
        """Look for an object that need not be there: address and credentials are right, and nothing is changed."""
        await self.find("certrail-check")

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Put the object, unless it says the same already."""
        name, bundle = self._here(deployment), deployment.bundle
        key = SecretStr(pem.key_of(bundle, self.title))
        # Also after a lost answer (may_exist): the name finds the object, and the mark says whose it is.
        found = await self._ours(name, deployment)
        if changed := not found or not self.holds(found, bundle):
            await self.put(name, deployment, key, found)
        return Receipt(reference=self.reference(name), fingerprint=bundle.fingerprint, changed=changed)

    async def observe(self, target: Target) -> Observation:
        """Read back what is there."""
        reference = self.reference(target.name)
        here = not target.receipt or target.receipt.reference == reference
        found = await self.find(target.name) if here else None
        if not found or found.delivery != target.delivery:
            return Observation(present=False)
        leaf = found.chain[0] if found.chain else None
        return Observation(present=True, fingerprint=leaf, reference=reference, key_matches=found.key_fits)

    async def remove(self, target: Target) -> Removal:
        """Drop the object, if it is ours."""
        name = self._here(target)
        found = await self._ours(name, target)
        if found:
            await self.drop(name, found)
        return Removal(changed=found is not None)

    def _here(self, target: Target) -> str:
        if target.receipt and target.receipt.reference != self.reference(target.name):
            message = f"{target.receipt.reference} is not where the configuration leads by now."
            raise Permanent(message, action="Delete it there by hand, then retry.")
        return target.name

    async def _ours(self, name: str, target: Target) -> Found | None:
        found = await self.find(name)
        if found and found.delivery != target.delivery:
            message = f"{name} is there and was not put there by this delivery."
            action = "Delete it there, or give the sync another name schema or place; then retry."
            raise Permanent(message, action=action)
        return found
