"""What becomes of each error."""

from datetime import timedelta
from typing import Any

import pytest
from tests.workflows.fake_plugins import PLUGIN
from tests.workflows.fakes import INSTANT

from certrail.domain.errors import OutdatedPlugin
from certrail_sdk import (
    ConcurrentModification,
    Forged,
    Misconfigured,
    Permanent,
    PluginError,
    QuotaExceeded,
    RateLimited,
    Retryable,
    Unauthorized,
)
from certrail_workflows import policies
from certrail_workflows.errors import Verdict, classify_engine, classify_own_step, classify_plugin


def evaluated(error: Exception, attempt: int = 1) -> Verdict:
    return classify_plugin(error, plugin=PLUGIN, attempt=attempt, now=INSTANT)


@pytest.mark.parametrize("error", [Retryable("x"), RateLimited("x"), ConcurrentModification("x")])
def test_what_may_pass_is_tried_again_after_the_usual_pause(error: Retryable) -> None:
    verdict = evaluated(error, attempt=3)
    assert not verdict.failure.permanent
    assert verdict.failure.next_try_at == INSTANT + timedelta(seconds=20)
    assert verdict.error.next_retry_delay == timedelta(seconds=20)
    assert not verdict.error.non_retryable


def test_the_record_and_temporal_name_the_same_instant() -> None:
    verdict = evaluated(RateLimited("x", retry_after=timedelta(minutes=7)))
    assert verdict.failure.next_try_at == INSTANT + timedelta(minutes=7)
    assert verdict.error.next_retry_delay == timedelta(minutes=7)


@pytest.mark.parametrize(
    "wanted",
    [timedelta(0), timedelta(seconds=-5), timedelta(days=8), timedelta.max, 30, "soon", float("nan"), True],
)
def test_a_pause_that_cannot_be_meant_is_the_growing_one(wanted: Any) -> None:
    for attempt in (1, 4):
        verdict = evaluated(Retryable("x", retry_after=wanted), attempt=attempt)
        assert verdict.error.next_retry_delay == policies.backoff(attempt)
        assert not verdict.failure.permanent


def test_a_short_pause_is_at_least_a_second() -> None:
    verdict = evaluated(Retryable("x", retry_after=timedelta(milliseconds=1)))
    assert verdict.error.next_retry_delay == policies.SHORTEST_PAUSE


def test_what_a_newer_plugin_stored_waits_for_it() -> None:
    verdict = classify_engine(OutdatedPlugin("revision 3"), plugin="files 1.0", attempt=1, now=INSTANT)
    assert (verdict.failure.kind, verdict.failure.permanent) == ("outdated-plugin", False)
    assert verdict.error.next_retry_delay == policies.backoff(1)


@pytest.mark.parametrize(
    "error", [Permanent("x"), Misconfigured("bucket"), Unauthorized("x"), QuotaExceeded("x")]
)
def test_what_a_person_must_mend_is_not_tried_again(error: Permanent) -> None:
    verdict = evaluated(error)
    assert (verdict.failure.permanent, verdict.failure.next_try_at) == (True, None)
    assert (verdict.error.non_retryable, verdict.error.next_retry_delay) == (True, None)
    assert verdict.failure.action == error.action


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), PluginError("x"), Forged("x")])
def test_anything_else_is_a_bug_in_the_plugin(error: Exception) -> None:
    assert evaluated(error, policies.BUG_ATTEMPTS - 1).failure.permanent is False
    last = evaluated(error, policies.BUG_ATTEMPTS)
    assert (last.failure.kind, last.failure.permanent) == ("PluginBug", True)
    assert PLUGIN in last.failure.message
    assert "secret" not in repr(last)


def test_our_own_unknown_fault_keeps_its_text_to_itself() -> None:
    error = classify_own_step(ValueError("secret"), step="advance", attempt=policies.ENGINE_ATTEMPTS)
    assert error.non_retryable
    assert "secret" not in repr(error)


@pytest.mark.parametrize(
    ("attempt", "pause"),
    [(0, 5), (1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (1000, 3600)],
)
def test_backoff_doubles_up_to_an_hour(attempt: int, pause: int) -> None:
    assert policies.backoff(attempt) == timedelta(seconds=pause)
