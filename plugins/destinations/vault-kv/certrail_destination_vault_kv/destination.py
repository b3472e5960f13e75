"""One secret per certificate; a renewal is a new version of it, written by check-and-set."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from certrail_destination_vault_kv.config import VaultKvConfig
from certrail_sdk import (
    Deployment,
    Destination,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
    in_thread,
    pem,
)

T = TypeVar("T")
Kv = Any
"""hvac's client of the engine, which has no types."""


@dataclass(frozen=True)
class Found:
    """The newest version of a secret: ``data`` is empty where it is deleted, ``version`` 0 where there is none."""

    version: int
    data: dict[str, Any]


class VaultKv(Destination[VaultKvConfig]):
    """Keeps each certificate with chain and key as one secret in OpenBao or Vault, KV version 2."""

    name = "vault-kv"
    title = "Vault KV"
    connection_type = "vault"
    name_pattern = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
    name_length = 128

    async def check(self) -> None:
        """Read a secret that need not be there: address, sign-in and policy are right."""
        await self._call("read", lambda kv: _read(kv, self.config, self._path("certrail-check")))

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Write a version, unless the newest one says the same."""
        path, wanted = self._here(deployment), _secret(deployment, self.title)
        found = await self._call("read", lambda kv: _read(kv, self.config, path))
        _refuse_foreign(found, deployment, path)
        version = found.version
        if changed := found.data != wanted:
            # Check-and-set: a version that somebody wrote since the look makes the write fail.
            options = {"path": path, "mount_point": self.config.mount, "secret": wanted, "cas": version}
            answer = await self._call("create", lambda kv: kv.create_or_update_secret(**options))
            version = int(answer["data"]["version"])
        return Receipt(
            reference=self._reference(path),
            version=str(version),
            fingerprint=deployment.bundle.fingerprint,
            changed=changed,
        )

    async def observe(self, target: Target) -> Observation:
        """Read the newest version back."""
        path = self._path(target.name)
        if target.receipt and target.receipt.reference != self._reference(path):
            return Observation(present=False)
        found = await self._call("read", lambda kv: _read(kv, self.config, path))
        if found.data.get("certrail_delivery") != target.delivery:
            return Observation(present=False)
        certificate = str(found.data.get("certificate"))
        return Observation(
            present=True,
            fingerprint=pem.fingerprint(certificate) if pem.certificates(certificate) else None,
            reference=self._reference(path),
            version=str(found.version),
        )

    async def remove(self, target: Target) -> Removal:
        """Delete the secret with all its versions, as each of them holds a key."""
        path = self._here(target)
        found = await self._call("read", lambda kv: _read(kv, self.config, path))
        _refuse_foreign(found, target, path)
        if not found.data:
            return Removal(changed=False)
        options = {"path": path, "mount_point": self.config.mount}
        await self._call("delete", lambda kv: kv.delete_metadata_and_all_versions(**options))
        return Removal(changed=True)

    def _path(self, name: str) -> str:
        return "/".join(filter(None, (self.config.path, name)))

    def _reference(self, path: str) -> str:
        return f"{self.config.url.rstrip('/')}/v1/{self.config.mount}/data/{path}"

    def _here(self, target: Target) -> str:
        """The path of the target. Raises Permanent if it was put to another server, mount or path."""
        path = self._path(target.name)
        if target.receipt and target.receipt.reference != self._reference(path):
            raise Permanent(
                f"{target.receipt.reference} is not where the connection leads by now.",
                action="Delete it there by hand, then retry.",
            )
        return path

    async def _call(self, action: str, call: Callable[[Kv], T]) -> T:
        from certrail_destination_vault_kv.session import errors, opened  # noqa: PLC0415  hvac takes time to load

        return await in_thread(lambda: call(opened(self.config)), errors=errors(self.config), action=action)


def _read(kv: Kv, config: VaultKvConfig, path: str) -> Found:
    from certrail_destination_vault_kv.session import version_of_deleted  # noqa: PLC0415

    with version_of_deleted() as deleted:
        answer = kv.read_secret_version(path=path, mount_point=config.mount, raise_on_deleted_version=True)
        return Found(int(answer["data"]["metadata"]["version"]), answer["data"]["data"])
    return Found(deleted.version, {})


def _secret(deployment: Deployment, title: str) -> dict[str, str]:
    bundle = deployment.bundle
    return {
        "certificate": bundle.certificate,
        "chain": bundle.chain_pem,
        "private_key": pem.key_of(bundle, title),
        "fingerprint": bundle.fingerprint,
        "certrail_delivery": deployment.delivery,
    }


def _refuse_foreign(found: Found, target: Target, path: str) -> None:
    if found.data and found.data.get("certrail_delivery") != target.delivery:
        raise Permanent(
            f"The secret {path} was not written by this delivery.",
            action="Move it, or give the sync another path or name schema; then retry.",
        )
