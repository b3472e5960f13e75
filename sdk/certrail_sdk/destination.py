"""The contract of a destination: a place where a certificate is put and kept."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from certrail_sdk.plugin import ConfigT, Plugin


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Bundle(_Message):
    """One certificate with everything a destination may need of it.

    Attributes:
        certificate: the leaf, PEM.
        chain: intermediates, PEM, leaf's issuer first, root excluded.
        root: the trust anchor, PEM, when the sync wants it delivered.
        private_key: PKCS#8 PEM, unencrypted; ``None`` when nobody but the requester has the key.
        fingerprint: SHA-256 of the leaf's DER, 64 lower-case hex digits.
        serial: lower-case hex digits.
        common_name: subject CN, may be empty.
        not_before, not_after: UTC.
    """

    certificate: str
    chain: tuple[str, ...] = ()
    root: str | None = None
    private_key: SecretStr | None = None
    fingerprint: str
    serial: str
    common_name: str = ""
    dns_names: tuple[str, ...] = ()
    not_before: datetime
    not_after: datetime

    @property
    def chain_pem(self) -> str:
        """The chain as delivered: intermediates, then the root when it is wanted."""
        return "".join((*self.chain, *((self.root,) if self.root else ())))


class Receipt(_Message):
    """Proof of what stands at the destination after ``deploy``.

    Attributes:
        reference: the destination's own name for the object (ARN, URL, path). Stable over renewals
            wherever the destination allows it.
        version: the destination's name for this very content, if it keeps versions.
        fingerprint: of the leaf that is there now.
        changed: ``False`` when everything was in place already.
        details: public facts worth showing; never a secret.
    """

    reference: str
    version: str | None = None
    fingerprint: str
    changed: bool
    details: Mapping[str, str] = Field(default_factory=dict)


class Target(_Message):
    """Which object is meant.

    Attributes:
        delivery: identity of (sync, lineage): the same for every renewal and every retry. Destinations
            that know tags store it, and recognise our objects by it.
        name: what the object is to be called, already fitted to the traits of the destination.
        receipt: what the last successful ``deploy`` said, if there was one.
    """

    delivery: str
    name: str
    receipt: Receipt | None = None


class Deployment(Target):
    """The wish that ``bundle`` stands at the target.

    Attributes:
        application, lineage, certificate: ids, for tags and labels.
        keep_identity: renewals keep the object's reference (ARN, name) instead of making a new one.
        may_exist: an earlier try may have reached the destination without its receipt reaching us.
            Look for an object tagged with ``delivery`` before creating one.
    """

    application: str
    lineage: str
    certificate: str
    bundle: Bundle
    keep_identity: bool = True
    may_exist: bool = False


class Observation(_Message):
    """What stands at the target now.

    Attributes:
        present: whether there is an object at all.
        key_matches: whether the private key there fits the leaf; ``None`` if it cannot be read.
        in_use_by: names of what uses the object, if the destination can tell.
    """

    present: bool
    fingerprint: str | None = None
    reference: str | None = None
    version: str | None = None
    key_matches: bool | None = None
    in_use_by: tuple[str, ...] | None = None


class Removal(_Message):
    """What ``remove`` did. ``changed=False``: there was nothing left to remove."""

    changed: bool
    details: Mapping[str, str] = Field(default_factory=dict)


class Publication(Target):
    """A file that everybody may read, and that a newer one replaces: a revocation list.

    Attributes:
        content: the bytes, as they are to be served.
        media_type: what they are, such as ``application/pkix-crl`` (RFC 5280 section 4.2.1.13).
        may_exist: an earlier try may have reached the destination without its receipt reaching us.
    """

    content: bytes
    media_type: str
    may_exist: bool = False


class Destination(Plugin[ConfigT]):
    """A place where certificates are put. Subclass it, fill in the attributes, write two verbs."""

    name_pattern: ClassVar[str] = r"[A-Za-z0-9._-]+"
    """Characters an object name may have, as a regular expression for the whole name."""
    name_length: ClassVar[int] = 255
    default_name_schema: ClassVar[str] = "certrail-{{short_certificate_id}}"
    """How a sync names its objects unless its author says otherwise. ``{{short_certificate_id}}`` has capital letters;
    where names are lower-case, as in Kubernetes, take ``certrail-{{certificate_id}}``: 32 lower-case hex digits."""

    @classmethod
    def accepts_name(cls, name: str) -> bool:
        """Whether the destination takes an object of this name."""
        return len(name) <= cls.name_length and re.fullmatch(cls.name_pattern, name) is not None

    async def deploy(self, deployment: Deployment) -> Receipt:
        """Make the bundle stand at the target. Idempotent: the same deployment again changes nothing
        and says so with ``changed=False``.

        Raises:
            PluginError: one of the errors in ``certrail_sdk.errors``, saying what to do.
        """
        raise NotImplementedError


@runtime_checkable
class Observes(Protocol):
    """The destination can be read back."""

    async def observe(self, target: Target) -> Observation: ...


@runtime_checkable
class Removes(Protocol):
    """The destination lets us take our object away. Removing twice is fine."""

    async def remove(self, target: Target) -> Removal: ...


@runtime_checkable
class Publishes(Protocol):
    """The destination can hold public files, each under its exact name, whole at every moment.

    The receipt's fingerprint is the SHA-256 of the content. What stands there and is not ours is left alone.
    """

    async def publish(self, publication: Publication) -> Receipt: ...
