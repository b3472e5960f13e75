"""What the log says of a try that failed: one line for what plugins may raise, a traceback for bugs."""

import logging
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment
from tests.workflows.fake_plugins import PLUGIN
from tests.workflows.fakes import Fakes
from tests.workflows.test_delivery_flow import start

from certrail_sdk import RateLimited, Unauthorized


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.name for record in caplog.records if record.exc_info]


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and PLUGIN in r.getMessage()
    ]


async def test_an_expected_failure_is_reported_in_one_line(
    skipping: WorkflowEnvironment, fakes: Fakes, caplog: pytest.LogCaptureFixture
) -> None:
    fakes.deliveries.tries.script = [
        RateLimited("slow\ndown", retry_after=timedelta(seconds=30)),
        Unauthorized("the token was refused"),
    ]
    with caplog.at_level(logging.INFO):
        async with fakes.workers(skipping.client):
            await (await start(skipping.client, name="told")).result()
    assert lines(caplog) == [
        f"{PLUGIN}: slow down (deliver in told, try 1; next try at 00:00:30). {RateLimited.action}",
        f"{PLUGIN}: the token was refused (deliver in told, try 2; no further try). {Unauthorized.action}",
    ]
    assert tracebacks(caplog) == []


async def test_a_bug_keeps_its_traceback(
    skipping: WorkflowEnvironment, fakes: Fakes, caplog: pytest.LogCaptureFixture
) -> None:
    fakes.deliveries.tries.script = [ZeroDivisionError("secret")]
    with caplog.at_level(logging.INFO):
        async with fakes.workers(skipping.client):
            await (await start(skipping.client)).result()
    assert tracebacks(caplog) == ["temporalio.activity"]
    assert len([line for line in lines(caplog) if "has a bug" in line and "attempt 1" in line]) == 1
