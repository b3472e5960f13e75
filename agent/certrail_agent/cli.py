"""The command `certrail-agent`."""

import argparse
import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from certrail_agent import config as configuration
from certrail_agent import durations
from certrail_agent.api import Api
from certrail_agent.config import Config, Wanted
from certrail_agent.enrollment import LONGEST_TOKEN, enroll
from certrail_agent.errors import AgentError, ConfigError
from certrail_agent.runner import Service, run_once, states, token_of
from certrail_agent.state import State, alone

CONFIG = Path("/etc/certrail-agent.toml")
DONE, FAILED, MISUSED, LATER = 0, 1, 2, 75
"""Exit codes; `LATER` is EX_TEMPFAIL of sysexits.h: an approval is open, or the server does not answer."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit."""
    sys.exit(command(arguments))


def command(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr, force=True)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        config = configuration.load(options.config)
        code: int = options.run(config, options)
    except ConfigError as error:
        for fault in error.faults:
            print(f"{options.config}: {fault}", file=sys.stderr)
        return MISUSED
    except AgentError as error:
        print(" ".join(filter(None, (f"{error}.", error.action))), file=sys.stderr)
        return FAILED
    return code


def _run(config: Config, options: argparse.Namespace) -> int:
    with alone(config.state_dir):
        if options.once:
            return _once(config, options)
        stop, service = threading.Event(), Service(config)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        signal.signal(signal.SIGHUP, lambda *_: service.look_now())
        service.run(stop)
    return DONE


def _enroll(config: Config, options: argparse.Namespace) -> int:
    with options.token_file as file:
        token = file.read(LONGEST_TOKEN).strip()
    if not token:
        raise AgentError("the one-time token is empty", "Pipe it into certrail-agent enroll.")
    with alone(config.state_dir):
        print(f"{enroll(config, token)}.")
    return DONE


def _once(config: Config, options: argparse.Namespace) -> int:
    found = run_once(config, options.wait, look=options.now)
    for name, outcome in found.items():
        print(f"{name}: {outcome.status}: {outcome.message}")
    statuses = {outcome.status for outcome in found.values()}
    if "failed" in statuses:
        return FAILED
    return LATER if statuses & {"waiting", "unreachable"} else DONE


def _check(config: Config, _options: argparse.Namespace) -> int:
    faults = [fault for wanted in config.certificates for fault in _faults_of(wanted)]
    try:
        api = Api(config.url, token_of(config), config.ca_file)
        me = api.me()
        print(f"{config.url} answers; this agent is {me['name']}.")
        api.close()
    except AgentError as error:
        faults.append(" ".join(filter(None, (f"{error}.", error.action))))
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{len(config.certificates)} certificates, no fault.")
    return FAILED if faults else DONE


def _faults_of(wanted: Wanted) -> list[str]:
    """What would keep a certificate from being deployed here."""
    faults = []
    if not wanted.directory.is_dir():
        faults.append(f"{wanted.name}: {wanted.directory} is no folder. Make it.")
    elif not os.access(wanted.directory, os.W_OK | os.X_OK):
        faults.append(f"{wanted.name}: {wanted.directory} cannot be written to. Correct its rights.")
    if wanted.owner is not None and os.geteuid() != 0:
        faults.append(
            f"{wanted.name}: only root can set the owner {wanted.owner}. Run the agent as root, or leave it out."
        )
    reload = wanted.reload
    if reload and reload.command and shutil.which(reload.command[0]) is None:
        faults.append(f"{wanted.name}: the command {reload.command[0]} is not on this host. Give its path.")
    return faults


def _status(config: Config, options: argparse.Namespace) -> int:
    found = [(wanted, store.load()) for wanted, store in states(config)]
    if options.json:
        print(json.dumps([_shown(wanted, state) for wanted, state in found], indent=2))
        return DONE
    for wanted, state in found:
        print("\n".join(_lines(wanted, state)))
    return DONE


def _shown(wanted: Wanted, state: State) -> dict[str, Any]:
    """For programs: times in ISO 8601, and nothing that a request was sent with."""
    held, attempt, failure, served = state.held, state.attempt, state.failure, state.served
    return {
        "name": wanted.name,
        "certificate_id": held.certificate_id if held else None,
        "lineage_id": held.lineage_id if held else None,
        "fingerprint": held.fingerprint if held else None,
        "not_after": _time(held.not_after) if held else None,
        "renew_at": _time(held.renew_at) if held and held.renew_at else None,
        "request_id": attempt.request_id if attempt else None,
        "served": {**asdict(served), "at": _time(served.at)} if served else None,
        "failure": {
            "stage": failure.stage,
            "message": failure.message,
            "action": failure.action,
            "since": _time(failure.since),
            "count": failure.count,
            "next_try_at": _time(failure.next_try_at),
        }
        if failure
        else None,
    }


def _lines(wanted: Wanted, state: State) -> list[str]:
    lines = [wanted.name]
    if state.held:
        lines.append(f"  in use       {state.held.fingerprint} until {_time(state.held.not_after)}")
        if state.held.renew_at:
            lines.append(f"  renewed at   {_time(state.held.renew_at)}")
    else:
        lines.append("  in use       nothing")
    if state.attempt:
        lines.append(f"  request      {state.attempt.request_id or 'not answered'}")
    if state.served:
        lines.append(f"  served       {state.served.verdict}, seen {_time(state.served.at)}")
    if state.failure:
        lines.append(f"  failure      {state.failure.message}. {state.failure.action}")
    return lines


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _duration(text: str) -> float:
    try:
        return durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="certrail-agent", description="Keep the certificates of this host up to date with certrail."
    )
    parser.add_argument("--config", type=Path, default=CONFIG, help=f"TOML file; {CONFIG} if left out")
    commands = parser.add_subparsers(required=True, metavar="command")
    run = commands.add_parser("run", help="request, deploy and renew; as a service, or once")
    run.add_argument("--once", action="store_true", help="end when nothing more can be done now, for a timer")
    run.add_argument(
        "--wait", type=_duration, default=60.0, help="with --once, how long to follow requests: 60s"
    )
    run.add_argument("--now", action="store_true", help="with --once, ask the server though it is not time")
    run.set_defaults(run=_run)
    enrolls = commands.add_parser(
        "enroll", help="get an access token by a one-time token, from standard input"
    )
    enrolls.add_argument(
        "--token-file",
        type=argparse.FileType(),
        default="-",
        help="file with the one-time token, in its place",
    )
    enrolls.set_defaults(run=_enroll)
    check = commands.add_parser("check", help="look for faults in the file, on this host and at the server")
    check.set_defaults(run=_check)
    status = commands.add_parser("status", help="show what is in use, and what failed")
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(run=_status)
    return parser
