"""One certificate in HAProxy's memory, replaced without a reload; and in its folder, so that a restart keeps it."""

from hashlib import sha256
from pathlib import Path

from certrail_destination_haproxy.config import HaproxyConfig
from certrail_destination_haproxy.runtime import Runtime, Served, read, removed, written
from certrail_sdk import (
    Deployment,
    Destination,
    Errors,
    Misconfigured,
    Observation,
    Permanent,
    Receipt,
    Removal,
    Retryable,
    Target,
    Unauthorized,
    in_thread,
    pem,
)

ERRORS: Errors = {
    PermissionError: lambda error: Misconfigured(
        "folder" if error.filename else "socket", "this worker has no right"
    ),
    OSError: Retryable,
}


class Haproxy(Destination[HaproxyConfig]):
    """Puts each certificate into a running HAProxy by its runtime API, and into its folder where that is wanted."""

    name = "haproxy"
    title = "HAProxy"
    connection_type = "haproxy"
    name_pattern = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
    name_length = 128

    async def check(self) -> None:
        """The socket has the level admin, the crt-list is there, and so is the folder."""
        if (level := await in_thread(self._runtime.level, errors=ERRORS, action="show cli level")) != "admin":
            action = "Give the socket `level admin`, or the connection another socket."
            raise Unauthorized(f"the socket has the level {level}", action=action)
        await in_thread(lambda: self._runtime.listed(self._file("certrail-check", "")), errors=ERRORS)
        if self.config.keep_files and not await in_thread(Path(self.config.folder).is_dir):
            raise Misconfigured("folder", "there is no such folder on the worker's machine")

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Commit, list and write the certificate, each only where it is not so already."""
        bundle, file = deployment.bundle, self._here(deployment)
        text = pem.full_chain(bundle) + pem.key_of(bundle, self.title)
        changed = await in_thread(lambda: self._put(file, text), errors=ERRORS, action=f"deploy {file}")
        return Receipt(
            reference=self._reference(file),
            version=Served.of(text).digest,
            fingerprint=bundle.fingerprint,
            changed=changed,
        )

    async def observe(self, target: Target) -> Observation:
        """Read back what is in memory: HAProxy tells SHA-1, so SHA-256 is that of the file, or of the receipt."""
        file, receipt = self._file(target.name, target.delivery), target.receipt
        if receipt and receipt.reference != self._reference(file):
            return Observation(present=False)
        served, text = await in_thread(lambda: (self._runtime.served(file), self._kept(file)), errors=ERRORS)
        if not served:
            return Observation(present=False)
        known = receipt.fingerprint if receipt and receipt.version == served.digest else None
        if text and Served.of(text).digest == served.digest:
            known = pem.fingerprint(text)
        return Observation(
            present=True, fingerprint=known, reference=self._reference(file), version=served.digest
        )

    async def remove(self, target: Target) -> Removal:
        """Take the certificate out of the crt-list, of the memory and of the folder."""
        file = self._here(target)
        return Removal(changed=await in_thread(lambda: self._removed(file), errors=ERRORS, action="remove"))

    def _put(self, file: str, text: str) -> bool:
        runtime, served, kept = self._runtime, self._runtime.served(file), self._kept(file)
        if stale := served != Served.of(text):
            runtime.commit(file, text)
        if missing := not runtime.listed(file):
            runtime.add(file)
        # Last: what HAProxy has refused would keep it from starting.
        if outdated := self.config.keep_files and kept != text:
            written(Path(file), text)
        return stale or missing or outdated

    def _removed(self, file: str) -> bool:
        there = self._runtime.exists(file)
        if there:
            self._runtime.delete(file)
        return (self.config.keep_files and removed(Path(file))) or there

    @property
    def _runtime(self) -> Runtime:
        return Runtime(self.config.socket, self.config.crt_list)

    def _kept(self, file: str) -> str | None:
        return read(Path(file)) if self.config.keep_files else None

    def _file(self, name: str, delivery: str) -> str:
        """The file name within HAProxy. The mark is in it, as HAProxy keeps no other text beside a certificate."""
        return f"{self.config.folder}/{name}.{sha256(delivery.encode()).hexdigest()[:12]}.pem"

    def _here(self, target: Target) -> str:
        file = self._file(target.name, target.delivery)
        if target.receipt and target.receipt.reference != self._reference(file):
            message = f"{target.receipt.reference} is not where the connection leads by now."
            raise Permanent(message, action="Delete it there by hand, then retry.")
        return file

    def _reference(self, file: str) -> str:
        return f"haproxy:{self.config.socket}#{file}"
