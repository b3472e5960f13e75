"""Write beside, switch one link, reload, look whether it works, and go back if it does not."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from certrail_destination_ssh_host.config import SshHostConfig
from certrail_destination_ssh_host.place import Place
from certrail_sdk import (
    Bundle,
    Deployment,
    Destination,
    Misconfigured,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Target,
    pem,
)

if TYPE_CHECKING:
    from certrail_destination_ssh_host.host import Host


class SshHost(Destination[SshHostConfig]):
    """Puts certificates on a host by SSH, reloads what serves them, and restores the former one if that fails."""

    name = "ssh-host"
    title = "SSH host"
    connection_type = "ssh"
    name_pattern = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
    name_length = 128

    async def check(self) -> None:
        """Sign in and list the folder; nothing is run and nothing is written."""
        async with self._host():
            return

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Write a version, switch to it, reload; restore the last good version when reload or health check fail."""
        wanted = self._files(deployment.bundle)
        contents = {name: content for name, (content, _) in wanted.items()}
        async with self._host() as host:
            place = self._here(host, deployment)
            await place.refuse_foreign()
            current, proven = await place.current(), await place.proven()
            same = current is not None and await place.files(current) == contents
            # A version that is current and not proven was cut off before its reload: that is done now.
            if not same or current != proven:
                version = (
                    current if same and current else await place.write(deployment.bundle.fingerprint, wanted)
                )
                await place.point(version)
                if problem := await self._reload(host):
                    raise await self._restored(host, place, proven, problem)
                await place.prove(version)
        changed = not same or current != proven
        return Receipt(
            reference=self._reference(place.path), fingerprint=deployment.bundle.fingerprint, changed=changed
        )

    async def observe(self, target: Target) -> Observation:
        """Read back what the link leads to."""
        async with self._host() as host:
            place = Place(host, target)
            if target.receipt and target.receipt.reference != self._reference(place.path):
                return Observation(present=False)
            if not await place.is_ours() or (version := await place.current()) is None:
                return Observation(present=False)
            text = "".join(
                content.decode("utf-8", "replace") for content in (await place.files(version)).values()
            )
        found, key = pem.certificates(text), pem.private_key(text)
        return Observation(
            present=True,
            fingerprint=pem.fingerprint(found[0]) if found else None,
            reference=self._reference(place.path),
            version=version,
            key_matches=pem.key_fits(found[0], key) if found and key else None,
        )

    async def remove(self, target: Target) -> Removal:
        """Delete the folder, if it is ours. Nothing is reloaded: what serves it is told by a person."""
        async with self._host() as host:
            place = self._here(host, target)
            await place.refuse_foreign()
            return Removal(changed=await place.remove())

    async def _reload(self, host: "Host") -> str:
        """Why the new certificate does not work; empty if it does."""
        for command in (self.config.reload, self.config.health):
            if command and (problem := await host.run(command)):
                return problem
        return ""

    async def _restored(self, host: "Host", place: Place, good: str | None, problem: str) -> Permanent:
        await place.point(good)
        if good is None:
            after = "There was no earlier certificate, so the link was taken away again."
        elif again := await self._reload(host):
            after = f"The former certificate was restored, and that fails, too: {again}."
        else:
            after = "The former certificate was restored and works."
        action = "See why the service does not take the new certificate; then retry the delivery by hand."
        return Permanent(f"{problem}. {after}", action=action)

    @asynccontextmanager
    async def _host(self) -> AsyncIterator["Host"]:
        # asyncssh takes a while to load, which no process should pay that does not deploy.
        module = await asyncio.to_thread(importlib.import_module, "certrail_destination_ssh_host.host")
        async with module.opened(self.config) as host:
            if not await host.sftp.isdir(self.config.directory):
                raise Misconfigured("directory", f"{self.config.directory} is no folder on the host")
            yield host

    def _here(self, host: "Host", target: Target) -> Place:
        place = Place(host, target)
        if target.receipt and target.receipt.reference != self._reference(place.path):
            raise Permanent(
                f"{target.receipt.reference} is not where the connection leads by now.",
                action="Delete it there by hand, then retry.",
            )
        return place

    def _reference(self, path: str) -> str:
        return f"ssh://{self.config.host}:{self.config.port}{path}"

    def _files(self, bundle: Bundle) -> Mapping[str, tuple[bytes, int]]:
        key, mode = pem.key_of(bundle, self.title), int(self.config.key_mode, 8)
        chain = pem.full_chain(bundle)
        if self.config.format == "combined":
            return {"combined.pem": ((chain + key).encode(), mode)}
        return {"fullchain.pem": (chain.encode(), 0o644), "privkey.pem": (key.encode(), mode)}
