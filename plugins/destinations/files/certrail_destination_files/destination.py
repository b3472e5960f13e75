"""Certificates as files in a folder."""

import tempfile
from typing import ClassVar

from certrail_destination_files.config import FilesConfig
from certrail_destination_files.errors import in_thread
from certrail_destination_files.folder import Folder, exclusive
from certrail_destination_files.render import render
from certrail_sdk import (
    Deployment,
    Destination,
    Misconfigured,
    Observation,
    Permanent,
    Plan,
    Receipt,
    Removal,
    Target,
)


class Files(Destination[FilesConfig]):
    """Writes certificate, chain and key into a folder; the pair changes in one step."""

    name = "files"
    title = "Files in a folder"
    name_pattern: ClassVar[str] = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
    name_length: ClassVar[int] = 200

    async def check(self) -> None:
        """The folder exists and can be written; owner and group exist."""
        await in_thread(self.config.directory, self._check)

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Write a version and point `current` at it."""
        return await in_thread(self.config.directory, lambda: self._deploy(deployment))

    async def observe(self, target: Target) -> Observation:
        """Read back what `current` points at."""
        return await in_thread(self.config.directory, lambda: self._observe(target))

    async def remove(self, target: Target) -> Removal:
        """Delete the object."""
        return await in_thread(self.config.directory, lambda: self._remove(target))

    async def plan(self, deployment: Deployment) -> Plan:
        """What `deploy` would do."""
        return await in_thread(self.config.directory, lambda: self._plan(deployment))

    def _check(self) -> None:
        self._require_directory()
        self.config.ownership()
        with tempfile.TemporaryFile(dir=self.config.directory):
            pass

    def _deploy(self, deployment: Deployment) -> Receipt:
        self._require_directory()
        folder, bundle = self._folder(deployment), deployment.bundle
        files = render(bundle, self.config)
        with exclusive(self.config.directory):
            changed = folder.publish(bundle.fingerprint, files)
            version = folder.current()
        return Receipt(
            reference=str(folder.path),
            version=version.name if version else None,
            fingerprint=bundle.fingerprint,
            changed=changed,
        )

    def _observe(self, target: Target) -> Observation:
        self._require_directory()
        folder = self._folder(target)
        if (version := folder.current()) is None:
            return Observation(present=False)
        found = folder.read(self.config.password_bytes())
        return Observation(
            present=True,
            fingerprint=found.fingerprint if found else None,
            reference=str(folder.path),
            version=version.name,
            ours=folder.is_ours(),
            key_matches=found.key_matches if found else None,
            chain_fingerprints=found.chain_fingerprints if found else None,
        )

    def _remove(self, target: Target) -> Removal:
        self._require_directory()
        with exclusive(self.config.directory):
            return Removal(changed=self._folder(target).remove())

    def _plan(self, deployment: Deployment) -> Plan:
        self._require_directory()
        folder, bundle = self._folder(deployment), deployment.bundle
        folder.require_ours()
        if (before := folder.current()) is None:
            return Plan(action="create", notes=(f"A new folder {folder.path}.",))
        if folder.holds(bundle.fingerprint, render(bundle, self.config)):
            return Plan(action="none")
        return Plan(action="replace", notes=(f"{folder.path}/current leaves {before.name[:16]}.",))

    def _folder(self, target: Target) -> Folder:
        if not self.accepts_name(target.name):
            raise Permanent(
                f"The name {target.name!r} cannot be a folder in {self.config.directory}.",
                action="Choose a name schema of letters, digits, '.', '_' and '-' for the sync.",
            )
        return Folder(self.config.directory, target)

    def _require_directory(self) -> None:
        if not self.config.directory.is_dir():
            raise Misconfigured(
                "directory", f"{self.config.directory} is not a folder on the worker's machine"
            )
