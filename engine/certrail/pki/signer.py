"""The contract of signers: who holds keys of authorities that certrail does not hold itself.

A `KeyHolder` signs at once, such as an HSM or a KMS whose keys cannot be extracted. A `RemoteSigner` may answer
later, such as another CA.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from certrail.pki.keys import PrivateKey
from certrail.pki.templates import Template

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class KeyName(NamedTuple):
    """A key of an authority: `spki` is the SHA-256 (hex) of its SubjectPublicKeyInfo."""

    ca_id: str
    spki: str


@dataclass(frozen=True)
class SigningOrder(Generic[T]):
    """One structure to be signed with one key.

    Attributes:
        id: the same in every attempt; the signer's idempotency key.
        may_exist: an earlier attempt may have reached the signer and its answer was lost: look for `id` before signing.
        state: `Pending.state` of the last answer, empty at first.
    """

    id: str
    key: KeyName
    template: Template[T]
    may_exist: bool = False
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Signed(Generic[T_co]):
    """The signed structure."""

    result: T_co


@dataclass(frozen=True)
class Pending:
    """Not signed yet: call again after the pause, with this state (JSON, without secrets)."""

    state: Mapping[str, Any]
    poll_after: timedelta


@runtime_checkable
class KeyHolder(Protocol):
    """Called within transactions, for certificates, CRLs and OCSP signers alike."""

    def private_key(self, name: KeyName) -> PrivateKey:
        """A handle that signs: `cryptography` needs its `sign` and `public_key` only, never the key itself."""
        ...


@runtime_checkable
class RemoteSigner(Protocol):
    """Called outside of transactions, for certificate requests only, and again after a crash at any point."""

    def sign(self, order: SigningOrder[T]) -> Signed[T] | Pending:
        """Sign, or answer how to go on. Idempotent by `order.id`.

        Raises:
            CertrailError: it refuses the order for good. Any other exception is retried.
        """
        ...
