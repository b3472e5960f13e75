"""A remote signer that lets its callers poll, and counts how many orders it took."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from tests.integration.authorities.hardware import take_out
from tests.integration.conftest import Team

from certrail.pki.signer import Pending, Signed, SigningOrder

PAUSE = timedelta(minutes=1)


class SlowSigner:
    """Answers pending twice, then with the certificate. It takes a second order unless `may_exist` is set."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, pending: int = 2) -> None:
        self._key, self._pending = key, pending
        self.orders: list[str] = []
        self.polls: dict[str, int] = {}
        self.states: list[dict[str, Any]] = []
        self.after_order: Callable[[], None] = lambda: None

    def sign(self, order: SigningOrder[Any]) -> Signed[Any] | Pending:
        if not (order.may_exist and order.id in self.orders):
            self.orders.append(order.id)
            self.polls[order.id] = 0
            self.after_order()
        self.states.append(dict(order.state))
        self.polls[order.id] += 1
        if self.polls[order.id] <= self._pending:
            return Pending({"poll": self.polls[order.id]}, PAUSE)
        return Signed(order.template.sign(self._key))


def slow_signer(team: Team, slug: str = "root", pending: int = 2) -> SlowSigner:
    """Move an authority's key to a slow signer of this process."""
    _, key = take_out(team, slug, "slow")
    signer = SlowSigner(key, pending)
    team.services.context.signers = {"slow": signer}
    return signer
