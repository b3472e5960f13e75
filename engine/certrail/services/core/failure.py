"""Why a delivery or a message did not get through, in the form that is stored and shown."""

import traceback
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict


class FailureFacts(TypedDict):
    """The fields of every event that reports a failure."""

    kind: str
    message: str
    action: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed try.

    Attributes:
        kind: name of the error class, such as ``RateLimited``.
        action: what whoever reads this should do.
        plugin: name and version.
        next_try_at: ``None`` when nothing more happens by itself.
        permanent: a person must act.
        nothing_written: the attempt has changed nothing outside, as its plugin says.
    """

    kind: str
    message: str
    action: str
    plugin: str
    next_try_at: datetime | None
    permanent: bool
    nothing_written: bool = False

    def stored(self, at: datetime) -> dict[str, Any]:
        """As JSON, with the time of the failure."""
        values = asdict(self)
        del values["nothing_written"]
        values["next_try_at"] = self.next_try_at.isoformat() if self.next_try_at else None
        return {**values, "at": at.isoformat()}

    def facts(self) -> FailureFacts:
        """What an event says of it."""
        return FailureFacts(
            kind=self.kind, message=self.message, action=self.action, permanent=self.permanent
        )


def place(error: BaseException) -> str:
    """File and line where an exception was raised: its text may hold a secret, its place does not."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
