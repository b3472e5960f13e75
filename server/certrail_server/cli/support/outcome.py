"""Waiting for the outcome of a request, and printing meanwhile what it waits for."""

import time
from collections.abc import Callable, Container
from typing import Annotated

import typer

from certrail_server.cli.common import err, waiting
from certrail_server.cli.support.remote import Json, call
from certrail_server.cli.tables import SHORT_ID

Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the request is final; print what it waits for."),
]
Timeout = Annotated[
    float,
    typer.Option(
        help="Seconds to wait at most; after them the exit code is 3, and the request goes on.", min=0
    ),
]
LONGEST_WAIT = 3600.0
POLL_SECONDS = 10.0
TIMED_OUT = 3


def outcome(
    collection: str, row: Json, timeout: float, *, unfinished: Container[str], stage: Callable[[Json], str]
) -> Json:
    """Poll a request until it is final or the timeout has passed.

    Args:
        collection: path of its kind, such as ``/certificate-requests``.
        timeout: in seconds.
        unfinished: the statuses that are not final.
        stage: names what it waits for.
    """
    deadline, printed = time.monotonic() + timeout, ""
    with waiting(f"request {row['id'][:SHORT_ID]}") as show:
        while row["status"] in unfinished:
            if (now := stage(row)) != printed:
                show(now)
                printed = now
            left = deadline - time.monotonic()
            if left <= 0:
                break
            row = call("GET", f"{collection}/{row['id']}", wait=min(POLL_SECONDS, left))
    return row


def exit_timed_out(timeout: float, stage: str) -> None:
    """End the command with exit code 3 and what the request still waits for."""
    err.print(f"Not decided after {timeout:g} seconds: {stage}.", highlight=False)
    raise typer.Exit(TIMED_OUT)


def approval_stage(row: Json) -> str:
    """The step that a request's approval is at, with its votes, in words."""
    if (approval_id := row.get("approval_request_id")) is None:
        return "waiting for approval"
    approval = call("GET", f"/approval-requests/{approval_id}")
    steps, current = approval["steps"], approval["current_step"]
    if current >= len(steps):
        return "waiting for approval"
    step = steps[current]
    return (
        f"waiting for approval: step {current + 1} of {len(steps)} ({step['name']}),"
        f" {approval['votes_given']} of {step['quorum']} votes"
    )
