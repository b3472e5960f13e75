"""From a certificate with its key to the service that serves it, and back when it does not."""

from collections.abc import Callable

from certrail_agent import service
from certrail_agent.checkpoints import checkpoint
from certrail_agent.config import Wanted
from certrail_agent.errors import DeployFailed
from certrail_agent.folder import Folder
from certrail_agent.keys import Pair
from certrail_agent.state import Served


def deploy(wanted: Wanted, pair: Pair, seen: Callable[[str, str | None], None]) -> bool:
    """Write, switch, reload, check; it may be cut anywhere, and run again. Returns whether anything changed.

    Args:
        seen: called with verdict and fingerprint of the health check.

    Raises:
        DeployFailed: the certificate does not work here; the last good one is in use again, if there was one.
    """
    folder = Folder(wanted)
    try:
        folder.prepare()
        current, proven = folder.current(), folder.proven()
        same = current is not None and folder.holds(current, pair.checked())
        # A version that is current and not proven was cut off before its reload: that is done now.
        if same and current == proven:
            folder.clean(current)
            return False
        folder.clean(current, proven)
        version = current if same and current else folder.write(pair)
        checkpoint("version-written")
        folder.point(version)
        checkpoint("link-switched")
        older = folder.pair(proven) if proven else None
        if problem := _take(wanted, pair, older.fingerprint if older else None, seen):
            raise _restored(wanted, folder, proven, older, problem, seen)
        checkpoint("reloaded")
        folder.prove(version)
    except OSError as error:
        raise DeployFailed(
            f"{error.filename or folder.path}: {error.strerror or error}",
            "Make room, or correct the rights in the folder; the agent tries again by itself.",
        ) from None
    return True


def observe(wanted: Wanted, fingerprint: str, now: float) -> Served | None:
    """What the service shows, within the grace: it may be restarting. `None` where there is no health check."""
    if wanted.health is None:
        return None
    verdict, found = service.look_until(wanted.health, fingerprint, None)
    return Served(verdict, found, now)


def _take(wanted: Wanted, pair: Pair, older: str | None, seen: Callable[[str, str | None], None]) -> str:
    """Why the service does not work with the certificate; empty if it does."""
    if wanted.reload is not None and (problem := service.reload(wanted.reload)):
        return problem
    if wanted.health is None:
        return ""
    verdict, found = service.look_until(wanted.health, pair.fingerprint, older)
    seen(verdict, found)
    if verdict == "served":
        return ""
    where = f"{wanted.health.host}:{wanted.health.port} as {wanted.health.server_name}"
    said = {
        "older": "still serves the former certificate",
        "other": f"serves another certificate, {found}",
        "unreachable": "answers no TLS handshake",
    }
    return f"{where} {said[verdict]}"


def _restored(
    wanted: Wanted,
    folder: Folder,
    good: str | None,
    older: Pair | None,
    problem: str,
    seen: Callable[[str, str | None], None],
) -> DeployFailed:
    folder.point(good)
    checkpoint("link-restored")
    if good is None or older is None:
        after = "There was no earlier certificate, so the link was taken away again."
    elif again := _take(wanted, older, None, seen):
        after = f"The former certificate was restored, and that fails, too: {again}."
    else:
        after = "The former certificate was restored and works."
    folder.clean(good)
    return DeployFailed(
        f"{problem}. {after}",
        "See why the service does not take the certificate; the agent tries again by itself.",
    )
