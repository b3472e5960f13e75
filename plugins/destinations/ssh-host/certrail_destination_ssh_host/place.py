"""One certificate's folder on a host: versions side by side, and a link that is switched in one step."""

import json
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from certrail_sdk import Permanent, Target

if TYPE_CHECKING:
    from certrail_destination_ssh_host.host import Host

VERSION = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}")
UNFINISHED = "certrail.json.new"
MARK, CURRENT, PROVEN = "certrail.json", "current", ".proven"
"""PROVEN lies in a version with which the reload and the health check succeeded: there is one, the last good one."""


class Place:
    """``<directory>/<name>``, which holds ``current -> <version>`` and the versions."""

    def __init__(self, host: "Host", target: Target) -> None:
        self.path = f"{host.config.directory}/{target.name}"
        self._host, self._target = host, target

    async def is_ours(self) -> bool:
        """Whether the folder is there and has the mark of this delivery."""
        content = await self._host.read(f"{self.path}/{MARK}")
        try:
            return bool(content and json.loads(content)["delivery"] == self._target.delivery)
        except (ValueError, KeyError, TypeError):
            return False

    async def refuse_foreign(self) -> None:
        """Raises Permanent for a folder that somebody else made; one without anything may be ours from a cut call."""
        if {*await self._host.names(self.path)} - {UNFINISHED} and not await self.is_ours():
            raise Permanent(
                f"{self.path} on the host was not made by this delivery.",
                action="Move it away, or give the sync another name schema; then retry.",
            )

    async def current(self) -> str | None:
        """The version that the link names."""
        return await self._host.link(f"{self.path}/{CURRENT}")

    async def proven(self) -> str | None:
        """The last good version."""
        for name in await self._host.names(self.path):
            # Not by way of the link: that is not the name of a version.
            if VERSION.fullmatch(name) and await self._host.read(f"{self.path}/{name}/{PROVEN}") is not None:
                return name
        return None

    async def files(self, version: str) -> Mapping[str, bytes]:
        """What a version holds."""
        return await self._host.files(f"{self.path}/{version}")

    async def write(self, fingerprint: str, files: Mapping[str, tuple[bytes, int]]) -> str:
        """Write a version beside the others, under a name that none has had; its name."""
        if not await self._host.sftp.isdir(self.path):
            await self._host.sftp.mkdir(self.path)
        mark = json.dumps({"made_by": "certrail", "delivery": self._target.delivery}).encode()
        # The mark comes in one step, so that a cut call leaves no folder that nobody owns.
        await self._host.write(f"{self.path}/{UNFINISHED}", mark, 0o644)
        await self._host.sftp.posix_rename(f"{self.path}/{UNFINISHED}", f"{self.path}/{MARK}")
        version = f"{fingerprint[:16]}-{secrets.token_hex(4)}"
        await self._host.sftp.mkdir(f"{self.path}/{version}")
        for name, (content, mode) in files.items():
            await self._host.write(f"{self.path}/{version}/{name}", content, mode)
        owner = self._host.config.owner
        if owner and (
            problem := await self._host.run(["chown", "-R", "--", owner, f"{self.path}/{version}"])
        ):
            raise Permanent(
                f"the owner cannot be set: {problem}", action="Correct 'owner', or grant the right."
            )
        return version

    async def point(self, version: str | None) -> None:
        """Switch the link: readers see the former pair or the new one. ``None`` takes it away."""
        if version is None:
            if await self.current() is not None:
                await self._host.sftp.remove(f"{self.path}/{CURRENT}")
            return
        unfinished = f"{self.path}/{CURRENT}.{secrets.token_hex(4)}"
        await self._host.sftp.symlink(version, unfinished)
        await self._host.sftp.posix_rename(unfinished, f"{self.path}/{CURRENT}")

    async def prove(self, version: str) -> None:
        """Remember a version as the last good one, and delete all others."""
        await self._host.write(f"{self.path}/{version}/{PROVEN}", b"", 0o644)
        for name in await self._host.names(self.path):
            if name not in (MARK, CURRENT, version):
                await self._delete(name)

    async def remove(self) -> bool:
        """Delete what is ours; ``False`` where there is nothing. The mark goes last: a cut removal can be repeated."""
        names = await self._host.names(self.path)
        for name in sorted(names, key=lambda name: (name == MARK, name != CURRENT)):
            await self._delete(name)
        if await self._host.sftp.isdir(self.path):
            await self._host.sftp.rmdir(self.path)
        return bool(names)

    async def _delete(self, name: str) -> None:
        path = f"{self.path}/{name}"
        if name == MARK or name.startswith((f"{MARK}.", CURRENT)):
            await self._host.sftp.remove(path)
        else:
            await self._host.remove_tree(path)
