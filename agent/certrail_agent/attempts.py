"""One request for a certificate, from its key to its use. Each step is on the disk before the next one begins."""

import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from certrail_agent import keys
from certrail_agent.api import Api
from certrail_agent.checkpoints import checkpoint
from certrail_agent.config import Wanted, is_address
from certrail_agent.deployment import deploy
from certrail_agent.errors import DeployFailed, Refused, RequestEnded, Unreachable
from certrail_agent.folder import Folder
from certrail_agent.keys import Pair
from certrail_agent.state import Attempt, Held, Served, State, Store

ENDED = ("rejected", "cancelled", "expired", "failed")
ATTEMPT_SECONDS = 25 * 86_400
"""The server keeps idempotency keys for 30 days: an attempt without an answer for so long begins anew."""
SPREAD = 0.2
"""Part of each pause that is random, so that hosts that began together do not stay together."""

logger = logging.getLogger(__name__)


@dataclass
class Work:
    """One certificate: what is wanted, what it has come to, and by what means.

    Attributes:
        clock: POSIX time.
        draw: a number from 0 to 1.
    """

    wanted: Wanted
    api: Api
    store: Store
    clock: Callable[[], float] = time.time
    draw: Callable[[], float] = random.random
    state: State = field(init=False)

    def __post_init__(self) -> None:
        """Take up what an earlier process left."""
        self.reload()
        if self.state.attempt is None:
            # Of an attempt that was cut off before it was stored, or after it was finished.
            self.store.delete_key()

    def reload(self) -> None:
        """Take the state from the disk."""
        self.state = self.store.load()

    def save(self) -> None:
        """Have the state on the disk when this returns."""
        self.store.save(self.state)

    def about(self, seconds: float) -> float:
        """A pause with its random part."""
        return seconds * (1 - SPREAD / 2 + SPREAD * self.draw())

    def put_into_use(self, pair: Pair) -> None:
        """Files, reload and health check, which is kept. Raises DeployFailed."""

        def seen(verdict: str, fingerprint: str | None) -> None:
            self.state.served = Served(verdict, fingerprint, self.clock())

        deploy(self.wanted, pair, seen)

    def report_served(self, certificate_id: str) -> None:
        """Report what the health check saw last; a server that does not take it hears of the next one."""
        health, served = self.wanted.health, self.state.served
        if health is None or served is None:
            return
        body = {
            "host": health.host,
            "port": health.port,
            "server_name": "" if is_address(health.server_name) else health.server_name,
            "fingerprint": served.fingerprint,
            "reason": "" if served.fingerprint else "No TLS handshake on the host itself.",
        }
        try:
            self.api.report_served(certificate_id, body)
        except (Refused, Unreachable) as error:
            logger.info("%s: what is served was not reported: %s", self.wanted.name, error)


def begin(work: Work, renews: str | None) -> None:
    """A new key and a new attempt, on the disk before anything is sent."""
    wanted, csr = work.wanted, None
    if not wanted.managed_key:
        key = keys.generate(wanted.key)
        csr = keys.csr(key, wanted.common_name, wanted.dns, wanted.ip)
        work.store.save_key(key)
        checkpoint("key-written")
    work.state.attempt = Attempt(
        idempotency_key=secrets.token_hex(16),
        started_at=work.clock(),
        wanted=wanted.digest(),
        body=None if renews else _body(wanted, csr),
        csr=csr,
        renews=renews,
    )
    work.save()
    checkpoint("attempt-stored")


def adopt(work: Work, certificate_id: str) -> None:
    """An attempt that begins with a certificate that is there already."""
    work.state.attempt = Attempt("", work.clock(), work.wanted.digest(), certificate_id=certificate_id)
    work.save()


def drop(work: Work) -> None:
    """End an attempt without a certificate; its key is of no use."""
    work.state.attempt = None
    work.save()
    work.store.delete_key()


def is_void(work: Work, attempt: Attempt) -> bool:
    """Whether an attempt must not go on: the configuration asks for another one, or its key is lost or too old."""
    if attempt.wanted != work.wanted.digest():
        return True
    if attempt.certificate_id is not None:
        return False
    if attempt.csr is not None and work.store.key() is None:
        return True
    return attempt.request_id is None and work.clock() - attempt.started_at > ATTEMPT_SECONDS


def go_on(work: Work, attempt: Attempt, wait: float) -> Mapping[str, Any] | None:
    """Go on with an attempt until it waits: the request that is not decided, or `None` once the certificate is used.

    Raises:
        Unreachable, Refused: a call failed.
        RequestEnded: there is no certificate; the attempt is dropped.
        DeployFailed: the certificate does not work here; the attempt stays.
    """
    if attempt.request_id is None and attempt.certificate_id is None:
        _send(work, attempt)
    if attempt.certificate_id is None:
        row = _follow(work, attempt, wait)
        if attempt.certificate_id is None:
            return row
    _use(work, attempt, attempt.certificate_id)
    return None


def own_key_of(work: Work, certificate: str) -> str | None:
    """The unfinished key, or that in use, whichever a certificate belongs to."""
    folder = Folder(work.wanted)
    proven = folder.proven()
    pair = folder.pair(proven) if proven else None
    candidates = (work.store.key(), pair.key if pair else None)
    return next((key for key in candidates if key is not None and keys.fits(certificate, key)), None)


def _body(wanted: Wanted, csr: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"profile": wanted.profile, "metadata": dict(wanted.metadata)}
    if wanted.ttl:
        body["ttl"] = wanted.ttl
    if csr is not None:
        return {**body, "csr": csr}
    subject = {"common_name": wanted.common_name} if wanted.common_name else {}
    sans = {kind: list(names) for kind, names in (("dns", wanted.dns), ("ip", wanted.ip)) if names}
    return {**body, "subject": subject, "sans": sans, "key_algorithm": wanted.key}


def _send(work: Work, attempt: Attempt) -> None:
    """Send the request. Sent again under its idempotency key, it is the same request."""
    try:
        if attempt.renews:
            answer = work.api.renew(attempt.renews, attempt.csr or "", attempt.idempotency_key)
        else:
            body = attempt.body or {}
            answer = work.api.create_request(work.wanted.application, body, attempt.idempotency_key)
    except Refused as error:
        if error.kind == "renewal-open" and error.request:
            _take_open_renewal(work, attempt, error.request)
            return
        if not error.is_about_the_caller:
            # What it was refused for does not change by itself: the next attempt is a new one, later.
            drop(work)
        raise
    checkpoint("request-sent")
    attempt.request_id = str(answer["id"])
    work.save()
    checkpoint("request-stored")
    logger.info("%s: the request %s is %s", work.wanted.name, attempt.request_id, answer["status"])


def _take_open_renewal(work: Work, attempt: Attempt, request_id: str) -> None:
    """Another request renews the certificate: it is ours if it has our CSR, else it is waited for."""
    found = work.api.request(request_id)
    if attempt.csr is None or (found.get("csr") or "").strip() != attempt.csr.strip():
        drop(work)
        raise RequestEnded(
            f"the certificate is being renewed by the request {request_id}, with another key",
            "Have that request decided, or cancel it.",
        )
    attempt.request_id = request_id
    work.save()


def _follow(work: Work, attempt: Attempt, wait: float) -> Mapping[str, Any]:
    """The request; if it is issued, the attempt knows its certificate."""
    assert attempt.request_id is not None
    row = work.api.request(attempt.request_id, wait)
    if row["status"] == "issued":
        attempt.certificate_id = str(row["certificate_id"])
        work.save()
        checkpoint("certificate-stored")
    elif row["status"] in ENDED:
        drop(work)
        why = f": {row['reason']}" if row.get("reason") else ""
        raise RequestEnded(
            f"the request {row['id']} is {row['status']}{why}", "See why; the agent requests again later."
        )
    return row


def _use(work: Work, attempt: Attempt, certificate_id: str) -> None:
    """Fetch the certificate, put it into use, and make it the one that is held."""
    row = work.api.certificate(certificate_id)
    pair = Pair(row["pem"], "".join(row["chain"]), _key_of(work, row))
    before = work.state.served
    try:
        work.put_into_use(pair)
    finally:
        # Also of one that does not work: the server learns that the former one is in use again.
        if work.state.served is not before:
            work.report_served(row["id"])
    checkpoint("deployed")
    begins, ends = pair.validity
    work.state.held = Held(
        certificate_id=row["id"],
        lineage_id=row["lineage_id"],
        fingerprint=pair.fingerprint,
        wanted=attempt.wanted,
        not_before=begins.timestamp(),
        not_after=ends.timestamp(),
    )
    work.state.attempt, work.state.checked_at = None, 0.0
    work.save()
    checkpoint("finished")
    work.store.delete_key()
    logger.info("%s: %s is in use until %s", work.wanted.name, pair.fingerprint, ends.isoformat())


def _key_of(work: Work, row: Mapping[str, Any]) -> str:
    if work.wanted.managed_key:
        password = keys.password()
        return keys.from_pkcs12(work.api.pkcs12(row["id"], password), password)
    key = own_key_of(work, row["pem"])
    if key is None:
        drop(work)
        raise DeployFailed(
            f"the key of the certificate {row['id']} is not on this host", "Another one is requested."
        )
    return key
