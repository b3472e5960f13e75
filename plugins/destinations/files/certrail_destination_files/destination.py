"""Certificates as files in a folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path, PurePath
from typing import ClassVar

from certrail_destination_files.config import FilesConfig
from certrail_destination_files.directory import Directory, NotOurs
from certrail_destination_files.errors import in_thread
from certrail_destination_files.folder import Folder
from certrail_destination_files.public import PublicFile
from certrail_destination_files.render import render
from certrail_sdk import (
    Deployment,
    Destination,
    Misconfigured,
    Observation,
    Permanent,
    Publication,
    Receipt,
    Removal,
    Retryable,
    Target,
)

PROBE = ".certrail-check"


class FolderGone(Retryable):
    """The directory in which an object was put is not there any more."""


class Files(Destination[FilesConfig]):
    """Writes certificate, chain and key into a folder; the pair changes in one step."""

    name = "files"
    title = "Files in a folder"
    connection_type = "folder"
    name_pattern: ClassVar[str] = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"
    name_length: ClassVar[int] = 200

    async def check(self) -> None:
        """The folder exists, can be written, and by nobody else; owner and group exist."""
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
        with self._opened() as folder:
            folder.require_closed()
            folder.write(PROBE, b"", 0o600)
            folder.unlink(PROBE)

    def _deploy(self, deployment: Deployment) -> Receipt:
        self._require_name(deployment)
        bundle = deployment.bundle
        files = render(bundle, self.config)
        with self._reached() as parent, parent.exclusive():
            parent.require_closed()
            place = Folder(parent, deployment)
            changed = place.publish(bundle.fingerprint, files)
            version = place.current()
        return Receipt(
            reference=str(place.path), version=version, fingerprint=bundle.fingerprint, changed=changed
        )

    def _observe(self, target: Target) -> Observation:
        with self._parent_of(target) as parent:
            place = Folder(parent, target) if parent else None
            if place is None or not place.is_marked_ours() or (version := place.current()) is None:
                return Observation(present=False)
            found = place.read(self.config.password_bytes())
        return Observation(
            present=True,
            fingerprint=found.fingerprint if found else None,
            reference=str(place.path),
            version=version,
            key_matches=found.key_matches if found else None,
        )

    def _remove(self, target: Target) -> Removal:
        try:
            with self._parent_of(target) as parent:
                if parent is None:
                    reference = target.receipt.reference if target.receipt else target.name
                    raise Permanent(
                        f"{reference} is outside of {self.config.root}.", action="Delete it there by hand."
                    )
                with parent.exclusive():
                    return Removal(changed=Folder(parent, target).remove())
        except FolderGone:
            return Removal(changed=False)

    def _publish(self, publication: Publication) -> Receipt:
        self._require_name(publication)
        owner, group = self.config.ownership()
        with self._reached() as folder, folder.exclusive():
            folder.require_closed()
            changed = PublicFile(folder, publication).publish(
                int(self.config.certificate_mode, 8), owner, group
            )
            reference = str(folder.path / publication.name)
        return Receipt(
            reference=reference, fingerprint=sha256(publication.content).hexdigest(), changed=changed
        )

    @contextmanager
    def _reached(self) -> Iterator[Directory]:
        """The configured folder, for work: one that is away, such as a share that is not mounted, may come back."""
        try:
            folder = self._opened()
        except Misconfigured as missing:
            if isinstance(missing.__cause__, FileNotFoundError):
                raise Retryable(str(missing), action=f"Nothing if it comes back. {missing.action}") from None
            raise
        with folder:
            yield folder

    def _opened(self, parts: Sequence[str] | None = None) -> Directory:
        """The configured folder, or another one below the root.

        Raises:
            Misconfigured: there is no such folder, or a link is on the way.
        """
        try:
            folder = Directory.root(self.config.root)
        except (FileNotFoundError, NotADirectoryError) as err:
            raise Misconfigured(
                "root",
                f"{self.config.root} is not a folder on the worker's machine",
                action="Make the folder, or correct 'root' of the connection.",
            ) from err
        for part in self._parts() if parts is None else parts:
            with folder as outer:
                try:
                    folder = outer.folder(part)
                except FileNotFoundError as err:
                    missing = f"{outer.path / part} is not a folder on the worker's machine"
                    raise Misconfigured("directory", missing) from err
                except NotOurs as refusal:
                    raise Misconfigured(
                        "directory", f"it leads out of {self.config.root}: {refusal}"
                    ) from None
        return folder

    def _parts(self) -> Sequence[str]:
        return PurePath(self.config.directory).parts

    @contextmanager
    def _parent_of(self, target: Target) -> Iterator[Directory | None]:
        """Where the object was put, which may be another directory than the present one; ``None`` out of reach.

        Raises:
            FolderGone: the other directory is not there any more.
        """
        self._require_name(target)
        with self._reached() as configured:
            known = Path(target.receipt.reference) if target.receipt else configured.path / target.name
            if known == configured.path / target.name:
                yield configured
                return
        root = self.config.root.resolve()
        if known.name != target.name or not known.is_relative_to(root) or ".." in known.parts:
            yield None
            return
        try:
            former = self._opened(known.parent.relative_to(root).parts)
        except Misconfigured as missing:
            if isinstance(missing.__cause__, FileNotFoundError):
                raise FolderGone(str(missing)) from None
            raise
        with former:
            yield former

    def _require_name(self, target: Target) -> None:
        if not self.accepts_name(target.name):
            raise Permanent(
                f"The name {target.name!r} cannot be a folder or a file in {self.config.root}.",
                action="Choose a name schema of letters, digits, '.', '_' and '-' for the sync.",
            )
