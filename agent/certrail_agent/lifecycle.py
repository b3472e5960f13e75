"""What is due for one certificate: the first request, a renewal, a repair, or nothing until a time."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from certrail_agent import durations
from certrail_agent.attempts import Work, adopt, begin, drop, go_on, is_void, own_key_of
from certrail_agent.deployment import observe
from certrail_agent.errors import AgentError, DeployFailed, Refused, RequestEnded, Unreachable
from certrail_agent.folder import Folder
from certrail_agent.state import Failure, Held

FALLBACK_FRACTION = 2 / 3
"""Of the lifetime, where the server says nothing about a renewal."""
URGENT_FRACTION = 9 / 10
PAUSES = {"server": (2.0, 600.0), "request": (3_600.0, 86_400.0), "deploy": (60.0, 3_600.0)}
"""By what failed: the first pause and the longest one, seconds; doubling between."""
WAITING_SECONDS = 10.0
"""Between two looks at a request, where the server does not hold the call back."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a pass came to.

    Attributes:
        status: `current`, `waiting`, `unreachable` or `failed`.
        again: seconds until the next pass is of use.
    """

    status: str
    message: str
    again: float


class Lifecycle:
    """Takes one certificate from nothing to a service that serves it, and on to each renewal.

    Args:
        check_every: seconds between two looks at the server's advice.
    """

    def __init__(self, work: Work, check_every: float) -> None:
        self.work, self._check_every = work, check_every

    def advance(self, wait: float = 0.0, *, look: bool = False) -> Outcome:
        """Go as far as possible now.

        Args:
            wait: seconds for which the server may hold back the answer about a request.
            look: whether to look at the server's advice, and try what was refused, even if it is not time.
        """
        try:
            outcome = self._advance(wait, look)
        except Unreachable as error:
            return self._failed("unreachable", "server", error, error.retry_after)
        except Refused as error:
            return self._failed("failed", "server" if error.is_about_the_caller else "request", error)
        except RequestEnded as error:
            return self._failed("failed", "request", error)
        except DeployFailed as error:
            return self._failed("failed", "deploy", error)
        failure = self.work.state.failure
        if failure is not None and (outcome.status == "current" or failure.stage == "server"):
            logger.info("%s: works again", self.work.wanted.name)
            self.work.state.failure = None
            self.work.save()
        return outcome

    def _advance(self, wait: float, look: bool) -> Outcome:
        work = self.work
        state, now = work.state, work.clock()
        if state.attempt is not None and is_void(work, state.attempt):
            drop(work)
        if state.attempt is None:
            failure = state.failure
            if failure and failure.stage == "request" and now < failure.next_try_at and not look:
                return Outcome("failed", failure.message, failure.next_try_at - now)
            self._find_due(look)
        if state.attempt is not None:
            row = go_on(work, state.attempt, wait)
            if row is not None:
                what = "waits for approval" if row["status"] == "pending_approval" else f"is {row['status']}"
                return Outcome("waiting", f"the request {row['id']} {what}", work.about(WAITING_SECONDS))
            self._look_early()
        return self._rest()

    def _find_due(self, look: bool) -> None:
        """Begin an attempt, if one is due."""
        held = self.work.state.held
        if held is None or held.wanted != self.work.wanted.digest():
            begin(self.work, renews=None)
            return
        self._keep(held)
        if self.work.state.attempt is None and (look or self.work.clock() >= self._next_look(held)):
            self._look(held)
        if (
            self.work.state.attempt is None
            and self._renews_itself
            and self.work.clock() >= self._renew_at(held)
        ):
            begin(self.work, renews=held.certificate_id)

    def _keep(self, held: Held) -> None:
        """Whether the files are as they were left: a cut deployment or a hand may have changed them."""
        folder = Folder(self.work.wanted)
        current, proven = folder.current(), folder.proven()
        good = folder.pair(proven) if proven else None
        if good is None or good.fingerprint != held.fingerprint:
            logger.warning("%s: the files of %s are gone", self.work.wanted.name, held.certificate_id)
            if self._renews_itself:
                begin(self.work, renews=held.certificate_id)
            else:
                adopt(self.work, held.certificate_id)
        elif current != proven:
            self.work.put_into_use(good)

    def _look(self, held: Held) -> None:
        """Take the server's advice; begin an attempt where the certificate was superseded, revoked or deleted."""
        work, name = self.work, self.work.wanted.name
        try:
            plan = work.api.renewal(held.certificate_id)
            newer = plan.get("superseded_by")
            present = work.api.certificate(newer or held.certificate_id)
        except Refused as error:
            if error.status != 404:
                raise
            logger.warning("%s: the server does not know %s", name, held.certificate_id)
            begin(work, renews=None)
            return
        if present["status"] == "revoked":
            logger.warning("%s: %s is revoked, so another one is requested", name, present["id"])
            begin(work, renews=None)
            return
        if newer and (not self._renews_itself or own_key_of(work, present["pem"]) is not None):
            adopt(work, present["id"])
            return
        # Whoever renewed it with another key has the newest one: the next renewal of ours follows that.
        held.certificate_id = present["id"]
        is_ours = present["fingerprint"] == held.fingerprint
        advised = plan.get("renew_at") or plan.get("suggested_at")
        held.renew_at = datetime.fromisoformat(advised).timestamp() if is_ours and advised else None
        if not self._renews_itself and plan.get("off"):
            logger.warning("%s: certrail does not renew it: %s", name, plan["off"])
        work.state.checked_at = work.clock()
        served = observe(work.wanted, held.fingerprint, work.clock())
        work.state.served = served or work.state.served
        work.save()
        if served is not None and is_ours:
            work.report_served(held.certificate_id)
        if work.state.served is not None and work.state.served.verdict != "served":
            logger.warning("%s: the health check says %s", name, work.state.served.verdict)

    def _look_early(self) -> None:
        """After a new certificate its advice is of use, and can wait: it is in use already."""
        held = self.work.state.held
        assert held is not None
        try:
            self._look(held)
        except (Unreachable, Refused) as error:
            logger.info("%s: no advice about the renewal yet: %s", self.work.wanted.name, error)

    @property
    def _renews_itself(self) -> bool:
        return not self.work.wanted.managed_key

    def _renew_at(self, held: Held) -> float:
        if held.renew_at is not None:
            return held.renew_at
        return held.not_before + (held.not_after - held.not_before) * FALLBACK_FRACTION

    def _next_look(self, held: Held) -> float:
        """At intervals; where certrail renews by itself, also soon after it does."""
        usual = self.work.state.checked_at + self._check_every
        if not self._renews_itself and held.renew_at and held.renew_at > self.work.state.checked_at:
            return min(usual, held.renew_at + WAITING_SECONDS)
        return usual

    def _rest(self) -> Outcome:
        held, now = self.work.state.held, self.work.clock()
        assert held is not None
        until = self._next_look(held)
        if self._renews_itself:
            until = min(until, self._renew_at(held))
        ends = datetime.fromtimestamp(held.not_after, UTC).isoformat()
        message = f"{held.fingerprint[:16]} is in use until {ends}"
        return Outcome("current", message, self.work.about(max(1.0, until - now)))

    def _failed(self, status: str, stage: str, error: AgentError, least: float = 0.0) -> Outcome:
        work = self.work
        before, now = work.state.failure, work.clock()
        count, since = (before.count + 1, before.since) if before and before.stage == stage else (1, now)
        first, longest = PAUSES[stage]
        again = max(least, work.about(min(longest, first * 2.0 ** min(count - 1, 40))))
        work.state.failure = Failure(stage, str(error), error.action, since, count, now + again)
        work.save()
        level = logging.ERROR if status == "failed" or self._is_urgent() else logging.WARNING
        words = [f"{work.wanted.name}: {error}."]
        if count > 1:
            words.append(f"This is so for {durations.shown(now - since)}.")
        words += [error.action, f"Next try in {durations.shown(again)}."]
        logger.log(level, "%s", " ".join(filter(None, words)).replace("..", "."))
        return Outcome(status, str(error), again)

    def _is_urgent(self) -> bool:
        """Whether a certificate is near its end, or there is none."""
        held = self.work.state.held
        if held is None:
            return True
        return self.work.clock() > held.not_before + (held.not_after - held.not_before) * URGENT_FRACTION
