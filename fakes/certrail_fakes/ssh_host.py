"""A host that is reached by SSH: OpenSSH's sshd, or asyncssh's server."""

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile {folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
"""
PATIENCE = 30.0


@dataclass(frozen=True)
class Account:
    """Where to sign in, and with what.

    Attributes:
        host_key: of the server, as in a .pub file.
        private_key: of the account, OpenSSH's form.
    """

    port: int
    username: str
    host_key: str
    private_key: str
    host: str = "127.0.0.1"


@asynccontextmanager
async def ssh_host(folder: Path, *, real: bool) -> AsyncIterator[Account]:
    """Run one on a free port of the loopback interface; commands run with the account of the tests."""
    host_key, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    public = key.export_public_key().decode()
    secret = key.export_private_key().decode()
    host_public = host_key.export_public_key().decode().strip()
    if not real:
        server = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(public),
            process_factory=_run,
            sftp_factory=True,
        )
        async with server:
            yield Account(server.get_port(), getpass.getuser(), host_public, secret)
        return
    host_key.write_private_key(str(folder / "host_key"))
    (folder / "host_key").chmod(0o600)
    (folder / "authorized_keys").write_text(public)
    port = _free_port()
    (folder / "sshd_config").write_text(CONFIGURATION.format(port=port, folder=folder))
    process = _started(folder)
    try:
        await _answering(port, process)
        yield Account(port, getpass.getuser(), host_public, secret)
    finally:
        process.kill()
        process.wait()


def _started(folder: Path) -> subprocess.Popen[bytes]:
    assert SSHD, "install openssh-server: make interop does"
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd of root separates privileges
    with (folder / "sshd.log").open("wb") as log:
        return subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stdout=log, stderr=log)


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """A command as sshd runs it: one text for the account's shell."""
    done = await asyncio.create_subprocess_shell(
        process.command or "true", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await done.communicate()
    process.stdout.write(output.decode())  # type: ignore[arg-type]  # text, as no encoding is switched off
    process.exit(done.returncode or 0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


async def _answering(port: int, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(PATIENCE):
        while process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
    raise RuntimeError("sshd ended")
