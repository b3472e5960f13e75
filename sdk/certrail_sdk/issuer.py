"""The contract of an issuer: an external certificate authority."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, SecretStr

from certrail_sdk.plugin import ConfigT, Plugin


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Order(_Message):
    """One certificate that is wanted.

    Attributes:
        id: stable over retries: the same order is never placed twice.
        csr: PKCS#10, PEM (RFC 2986).
        validity: wished lifetime; the CA may shorten it.
    """

    id: str
    csr: str
    validity: timedelta


class Issued(_Message):
    """The CA's answer: leaf and chain, PEM, issuer first."""

    certificate: str
    chain: tuple[str, ...]


class Pending(_Message):
    """The CA needs time. ``state`` is handed to ``poll`` and survives a crash; it may be secret."""

    state: SecretStr
    poll_after: timedelta


class Revocation(_Message):
    """A certificate to revoke, with the RFC 5280 section 5.3.1 reason name."""

    certificate: str
    reason: str
    at: datetime


class Issuer(Plugin[ConfigT]):
    """An external certificate authority. No verb blocks: a slow CA answers ``Pending``."""

    async def issue(self, order: Order) -> Issued | Pending:
        """Place the order, or find it again by its id."""
        raise NotImplementedError

    async def poll(self, order: Order, state: SecretStr) -> Issued | Pending:
        """Ask after an order that was pending."""
        raise NotImplementedError

    async def revoke(self, revocation: Revocation) -> None:
        """Revoke; revoking twice is fine."""
        raise NotImplementedError

    async def chain(self) -> tuple[str, ...]:
        """The CA's present chain, PEM, issuer of leaves first, root last."""
        raise NotImplementedError
