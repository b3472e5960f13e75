"""Certificates as files in a folder."""

import tempfile
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from certrail_destination_files.config import FilesConfig
from certrail_destination_files.errors import in_thread
from certrail_destination_files.folder import Folder, exclusive
from certrail_destination_files.public import PublicFile
from certrail_destination_files.render import render
from certrail_sdk import (
    Deployment,
    Destination,
    Observation,
    Permanent,
    Publication,
    Receipt,
    Removal,
    Target,
)


class Files(Destination[FilesConfig]):
    """Writes certificate, chain and key into a folder; the pair changes in one step."""

    name = "files"
    title = "Files in a folder"
    connection_type = "folder"
    name_pattern: ClassVar[str] = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
    name_length: ClassVar[int] = 200

    async def check(self) -> None:
        """The folder exists and can be written; owner and group exist."""
        await in_thread(self.config.root, self._check)

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Write a version and point `current` at it."""
        return await in_thread(self.config.root, lambda: self._deploy(deployment))

    async def observe(self, target: Target) -> Observation:
        """Read back what `current` points at."""
        return await in_thread(self.config.root, lambda: self._observe(target))

    async def remove(self, target: Target) -> Removal:
        """Delete the object."""
        return await in_thread(self.config.root, lambda: self._remove(target))

    async def publish(self, publication: Publication) -> Receipt:
        """Write the file beside the certificates' folders, in one step."""
        return await in_thread(self.config.root, lambda: self._publish(publication))

    def _check(self) -> None:
        self.config.ownership()
        with tempfile.TemporaryFile(dir=self.config.folder()):
            pass

    def _deploy(self, deployment: Deployment) -> Receipt:
        place, bundle = self._place(deployment), deployment.bundle
        files = render(bundle, self.config)
        with exclusive(place.path.parent):
            changed = place.publish(bundle.fingerprint, files)
            version = place.current()
        return Receipt(
            reference=str(place.path),
            version=version.name if version else None,
            fingerprint=bundle.fingerprint,
            changed=changed,
        )

    def _observe(self, target: Target) -> Observation:
        place = self._present(target)
        if place is None or (version := place.current()) is None:
            return Observation(present=False)
        found = place.read(self.config.password_bytes())
        return Observation(
            present=True,
            fingerprint=found.fingerprint if found else None,
            reference=str(place.path),
            version=version.name,
            key_matches=found.key_matches if found else None,
        )

    def _remove(self, target: Target) -> Removal:
        place = self._present(target)
        if place is None:
            raise Permanent(
                f"{target.receipt.reference if target.receipt else target.name} is outside of {self.config.root}.",
                action="Delete it there by hand.",
            )
        if not place.path.parent.is_dir():
            return Removal(changed=False)
        with exclusive(place.path.parent):
            return Removal(changed=place.remove())

    def _publish(self, publication: Publication) -> Receipt:
        path = self._path(publication)
        owner, group = self.config.ownership()
        with exclusive(path.parent):
            file = PublicFile(path, publication)
            changed = file.publish(int(self.config.certificate_mode, 8), owner, group)
        return Receipt(
            reference=str(path), fingerprint=sha256(publication.content).hexdigest(), changed=changed
        )

    def _present(self, target: Target) -> Folder | None:
        """Where the object was put, which may be another directory than the present one; ``None`` out of reach."""
        configured = self._path(target)
        known = Path(target.receipt.reference) if target.receipt else configured
        if known == configured:
            return Folder(configured.parent, target)
        parent = known.parent.resolve()
        reachable = parent.is_relative_to(self.config.root.resolve()) and known.name == target.name
        return Folder(parent, target) if reachable else None

    def _place(self, target: Target) -> Folder:
        return Folder(self._path(target).parent, target)

    def _path(self, target: Target) -> Path:
        folder = self.config.folder()
        if not self.accepts_name(target.name):
            raise Permanent(
                f"The name {target.name!r} cannot be a folder or a file in {folder}.",
                action="Choose a name schema of letters, digits, '.', '_' and '-' for the sync.",
            )
        return folder / target.name
