"""Which server a command calls, and with what token: the environment first, then the stored sign-in."""

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from certrail_server.cli.common import fail

DEFAULT_URL = "http://127.0.0.1:8080"
FILE = "credentials.json"
PRIVATE = 0o600


def url() -> str:
    """The server's address: CERTRAIL_URL, else where `certrail login` signed in last, else this machine."""
    address = os.environ.get("CERTRAIL_URL") or _read().get("current") or DEFAULT_URL
    address = address.rstrip("/")
    if not address.startswith(("http://", "https://")):
        fail(f"certrail cannot be reached at {address}: begin with http:// or https://; see CERTRAIL_URL.")
    return str(address)


def token_of_environment() -> str:
    """The token in CERTRAIL_TOKEN; empty without one."""
    return os.environ.get("CERTRAIL_TOKEN", "").strip()


def stored(address: str) -> dict[str, Any] | None:
    """What `certrail login` stored for a server; ``None`` once it has expired."""
    entry = _read().get("servers", {}).get(address)
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return None
    with suppress(ValueError, KeyError, TypeError):
        if datetime.fromisoformat(entry["expires_at"]) <= datetime.now(UTC):
            return None
    return entry


def stored_token(address: str) -> str:
    """The token that `certrail login` stored for a server; empty without one."""
    return str((stored(address) or {}).get("token", ""))


def store(address: str, token: str, expires_at: str | None) -> Path:
    """Keep a token for a server, in a file that only its owner can read."""
    kept = _read()
    kept.setdefault("servers", {})[address] = {"token": token, "expires_at": expires_at}
    kept["current"] = address
    _write(kept)
    return path()


def forget(address: str) -> None:
    """Remove the token for a server."""
    kept = _read()
    kept.get("servers", {}).pop(address, None)
    if kept.get("current") == address:
        del kept["current"]
    _write(kept)


def path() -> Path:
    """The file, in the user's configuration folder."""
    return Path(typer.get_app_dir("certrail")) / FILE


def _read() -> dict[str, Any]:
    """The file's content; one that other users can read is refused, as SSH refuses such a key."""
    file = path()
    try:
        if file.stat().st_mode & 0o077:
            fail(f"{file} can be read by others: run `chmod 600` on it, or remove it and sign in again.")
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        fail(f"{file} cannot be read ({type(problem).__name__}): remove it and sign in again.")
    return kept if isinstance(kept, dict) else {}


def _write(kept: dict[str, Any]) -> None:
    file = path()
    fresh = file.with_name(f".{FILE}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The mode is set when the file is created, so the file is never readable by others.
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(handle, "w") as opened:
            json.dump(kept, opened, indent=2)
        fresh.replace(file)
    except OSError as problem:
        with suppress(OSError):
            fresh.unlink()
        fail(f"{file} cannot be written: {problem.strerror}.")
