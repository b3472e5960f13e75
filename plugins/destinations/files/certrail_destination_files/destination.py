"""Certificates as files in a folder."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field

from certrail_destination_files.folder import Folder, exclusive
from certrail_destination_files.render import render
from certrail_sdk import (
    Config,
    Deployment,
    Destination,
    Misconfigured,
    Observation,
    Permanent,
    Plan,
    QuotaExceeded,
    Receipt,
    Removal,
    Retryable,
    Secret,
    Target,
    Unauthorized,
)

T = TypeVar("T")
Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3}$")]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("give an absolute path")
    return path


class FilesConfig(Config):
    """Where and how files are written."""

    directory: Annotated[Path, AfterValidator(_absolute)] = Field(
        title="Directory", description="Absolute path of an existing folder on the worker's machine."
    )
    format: Literal["pem", "pkcs12"] = Field(
        "pem", title="Format", description="PEM files, or one PKCS#12 file."
    )
    password: Secret | None = Field(
        None, title="Password", description="Protects the PKCS#12 file; none when left out."
    )
    certificate_mode: Mode = Field(
        "0644", title="Certificate mode", description="Octal mode of public files."
    )
    key_mode: Mode = Field("0600", title="Key mode", description="Octal mode of files that hold the key.")


class Files(Destination[FilesConfig]):
    """Writes certificate, chain and key into a folder; the pair changes in one step."""

    name = "files"
    title = "Files in a folder"
    name_pattern: ClassVar[str] = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
    name_length: ClassVar[int] = 200

    async def check(self) -> None:
        """The folder exists and can be written."""
        await self._guarded(self._check)

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Write a version and point `current` at it."""
        if deployment.bundle.private_key is None and self.config.format == "pkcs12":
            raise Permanent(
                "PKCS#12 needs the private key, which certrail does not hold for this certificate."
            )
        return await self._guarded(lambda: self._deploy(deployment))

    async def observe(self, target: Target) -> Observation:
        """Read back what `current` points at."""
        return await self._guarded(lambda: self._folder(target).observe(self._password()))

    async def remove(self, target: Target) -> Removal:
        """Delete the object."""
        return Removal(changed=await self._guarded(self._folder(target).remove))

    async def plan(self, deployment: Deployment) -> Plan:
        """What `deploy` would do."""
        seen = await self._guarded(lambda: self._folder(deployment).observe(self._password()))
        if not seen.present:
            return Plan(action="create", notes=(f"a new folder {deployment.name}",))
        same = seen.fingerprint == deployment.bundle.fingerprint
        return Plan(action="none" if same else "replace")

    def _deploy(self, deployment: Deployment) -> Receipt:
        self._check()
        folder = self._folder(deployment)
        files = render(deployment.bundle, self.config)
        with exclusive(self.config.directory):
            changed = folder.publish(deployment.bundle.fingerprint, files)
        return Receipt(
            reference=str(folder.path),
            version=deployment.bundle.fingerprint[:16],
            fingerprint=deployment.bundle.fingerprint,
            changed=changed,
        )

    def _folder(self, target: Target) -> Folder:
        if not self.accepts_name(target.name):
            raise Permanent(f"The name {target.name!r} cannot be a folder.")
        return Folder(self.config.directory / target.name, target.delivery)

    def _password(self) -> bytes | None:
        return self.config.password.get_secret_value().encode() if self.config.password else None

    def _check(self) -> None:
        directory = self.config.directory
        if not directory.is_dir():
            raise Misconfigured("directory", f"{directory} is not a folder on the worker's machine")
        try:
            probe = directory / ".certrail-check"
            probe.touch()
            probe.unlink()
        except PermissionError:
            raise Unauthorized(f"The worker's account may not write to {directory}.") from None

    async def _guarded(self, work: Callable[[], T]) -> T:
        """File work in a thread, its errors by what must be done about them."""
        try:
            return await asyncio.to_thread(work)
        except PermissionError as err:
            raise Unauthorized(f"The worker's account may not use {err.filename}.") from None
        except OSError as err:
            if err.errno in (errno.ENOSPC, errno.EDQUOT):
                raise QuotaExceeded(f"No space is left in {self.config.directory}.") from None
            raise Retryable(f"{self.config.directory}: {err.strerror}") from None
