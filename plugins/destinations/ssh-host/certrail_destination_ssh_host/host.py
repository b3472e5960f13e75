"""One connection to a host: files over SFTP, commands as lists of arguments, errors by what is to be done."""

import posixpath
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncssh

from certrail_destination_ssh_host.config import SshHostConfig
from certrail_sdk import (
    Errors,
    Misconfigured,
    Retryable,
    Unauthorized,
    scrubbed,
    translated,
)

CONNECT_SECONDS = 8
LARGEST_FILE = 1 << 20
"""Bytes that are read of a file: ours are smaller, and any other is not what was delivered."""
NO_KEY = "this is no private key without a passphrase, or 'host_key' is no public key"
ERRORS: Errors = {
    asyncssh.PermissionDenied: lambda _: Unauthorized("the host refuses the account or its key"),
    asyncssh.HostKeyNotVerifiable: lambda _: Misconfigured("host_key", "the host has another key"),
    asyncssh.KeyImportError: lambda _: Misconfigured("private_key", NO_KEY),
    asyncssh.SFTPPermissionDenied: lambda error: Unauthorized(
        f"the account may not do this there: {error.reason}"
    ),
    asyncssh.SFTPError: lambda error: Retryable(f"SFTP: {scrubbed(error.reason)}"),
    asyncssh.Error: Retryable,
    OSError: lambda error: Retryable(f"the host cannot be reached: {error.strerror or type(error).__name__}"),
    TimeoutError: lambda _: Retryable("the host did not answer in time"),
}


@dataclass(frozen=True)
class Host:
    """The other side during one verb."""

    connection: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    config: SshHostConfig

    async def run(self, command: Sequence[str]) -> str:
        """Why a command failed; empty if it succeeded. sshd hands one text to a shell, so each argument is quoted."""
        try:
            done = await self.connection.run(
                shlex.join(command), timeout=self.config.command_seconds, stdin=asyncssh.DEVNULL
            )
        except asyncssh.TimeoutError:
            return f"{command[0]} took more than {self.config.command_seconds:g} s"
        if done.exit_status == 0:
            return ""
        said = scrubbed(str(done.stderr or done.stdout or ""))[:200]
        return f"{command[0]} ended with {done.exit_status}" + (f": {said}" if said else "")

    async def read(self, path: str) -> bytes | None:
        """A file's content; ``None`` where there is none."""
        try:
            async with self.sftp.open(path, "rb") as file:
                content = await file.read(LARGEST_FILE)
                return content.encode() if isinstance(content, str) else content
        except asyncssh.SFTPNoSuchFile:
            return None

    async def write(self, path: str, content: bytes, mode: int) -> None:
        """A new file, with its mode from the beginning."""
        async with self.sftp.open(path, "wb", asyncssh.SFTPAttrs(permissions=mode)) as file:
            await file.write(content)
        await self.sftp.chmod(path, mode)

    async def names(self, path: str) -> list[str]:
        """What a folder holds; nothing where there is none."""
        with suppress(asyncssh.SFTPNoSuchFile):
            return sorted(str(name) for name in await self.sftp.listdir(path) if name not in (".", ".."))
        return []

    async def files(self, path: str) -> Mapping[str, bytes]:
        """The content of each file in a folder, but of those whose names begin with a dot."""
        names = [name for name in await self.names(path) if not name.startswith(".")]
        return {name: await self.read(posixpath.join(path, name)) or b"" for name in names}

    async def link(self, path: str) -> str | None:
        """Where a symbolic link leads; ``None`` where there is none."""
        try:
            return str(await self.sftp.readlink(path))
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPFailure):
            return None

    async def remove_tree(self, path: str) -> None:
        """A folder with its files, where there is one."""
        with suppress(asyncssh.SFTPNoSuchFile):
            await self.sftp.rmtree(path)


@asynccontextmanager
async def opened(config: SshHostConfig) -> AsyncIterator[Host]:
    """Sign in, with the configured host key and nothing else of this machine: no agent, no files in ~/.ssh."""
    with translated(ERRORS):
        key = asyncssh.import_private_key(config.private_key.get_secret_value())
        host_key = asyncssh.import_public_key(config.host_key)
        async with (
            asyncssh.connect(
                config.host,
                config.port,
                username=config.username,
                client_keys=[key],
                known_hosts=([host_key], [], []),
                config=None,
                agent_path=None,
                connect_timeout=CONNECT_SECONDS,
                login_timeout=CONNECT_SECONDS,
                preferred_auth="publickey",
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield Host(connection, sftp, config)
