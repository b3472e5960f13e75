"""One table of the configuration: members by type, and a fault for each that is wrong, missing or unknown."""

import re
from collections.abc import Mapping
from pathlib import Path

from certrail_agent import durations

LONGEST_TEXT = 1024
MOST_ITEMS = 100


class Reader:
    """Takes members out of a table; what is left at `end` is unknown.

    Args:
        values: the table; `None` for one that is absent.
        place: of the table in the file, for faults.
    """

    def __init__(self, values: Mapping[str, object] | None, place: str, faults: list[str]) -> None:
        self.is_absent = values is None
        self._left = dict(values or {})
        self._place, self._faults = place, faults

    def fault(self, member: str, what: str) -> None:
        """Note what is wrong with a member."""
        self._faults.append(f"{self._named(member)}: {what}")

    def end(self) -> None:
        """Name each member that nothing took."""
        for member in self._left:
            self.fault(member, "is unknown")

    def table(self, member: str, *, needed: bool = False) -> "Reader":
        """A table within this one."""
        found = self._take(member, needed=needed)
        if found is not None and not isinstance(found, dict):
            self.fault(member, "is a table")
            found = None
        return Reader(found, self._named(member), self._faults)

    def tables(self, member: str) -> list["Reader"]:
        """An array of tables."""
        found = self._take(member) or []
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            self.fault(member, f"is an array of tables: [[{member}]]")
            return []
        if len(found) > MOST_ITEMS:
            self.fault(member, f"are at most {MOST_ITEMS}")
        return [Reader(each, f"{member}[{n}]", self._faults) for n, each in enumerate(found)]

    def text(self, member: str, *, pattern: str | None = None, needed: bool = False) -> str | None:
        """A text that is not empty."""
        found = self._take(member, needed=needed)
        if found is None:
            return None
        if not isinstance(found, str) or not 0 < len(found) <= LONGEST_TEXT:
            self.fault(member, f"is a text of 1 to {LONGEST_TEXT} characters")
            return None
        if pattern and not re.fullmatch(pattern, found):
            self.fault(member, f"has to match {pattern}")
            return None
        return found

    def texts(self, member: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self._take(member)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(
            isinstance(each, str) and 0 < len(each) <= LONGEST_TEXT for each in found
        ):
            self.fault(member, "is a list of texts")
            return ()
        if len(found) > MOST_ITEMS:
            self.fault(member, f"has at most {MOST_ITEMS} items")
        return tuple(found)

    def pairs(self, member: str) -> tuple[tuple[str, str], ...]:
        """A table of texts."""
        found = self._take(member)
        if found is None:
            return ()
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            self.fault(member, "is a table of texts")
            return ()
        return tuple(sorted(found.items()))

    def choice(self, member: str, choices: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        found = self._take(member)
        if found is None:
            return default
        if found not in choices:
            self.fault(member, f"is one of {', '.join(choices)}")
            return default
        return str(found)

    def flag(self, member: str) -> bool:
        """True or false; false when it is left out."""
        found = self._take(member)
        if found is not None and not isinstance(found, bool):
            self.fault(member, "is true or false")
        return found is True

    def number(self, member: str, default: int, *, least: int, most: int) -> int:
        """An integer."""
        found = self._take(member)
        if found is None:
            return default
        if not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most:
            self.fault(member, f"is a number from {least} to {most}")
            return default
        return found

    def path(self, member: str, *, needed: bool = False) -> Path | None:
        """An absolute path."""
        found = self.text(member, needed=needed)
        if found is None:
            return None
        if not found.startswith("/"):
            self.fault(member, "is an absolute path")
            return None
        return Path(found)

    def duration(self, member: str, default: float, *, least: float, most: float) -> float:
        """Seconds of a duration such as `30s`."""
        text = self.duration_text(member)
        if text is None:
            return default
        if not least <= (seconds := durations.parse(text)) <= most:
            self.fault(member, f"is from {durations.shown(least)} to {durations.shown(most)}")
        return seconds

    def duration_text(self, member: str) -> str | None:
        """A duration as it is written."""
        text = self.text(member)
        if text is not None:
            try:
                durations.parse(text)
            except ValueError as error:
                self.fault(member, str(error))
                return None
        return text

    def _take(self, member: str, *, needed: bool = False) -> object:
        if needed and member not in self._left:
            self.fault(member, "is needed")
        return self._left.pop(member, None)

    def _named(self, member: str) -> str:
        return f"{self._place}.{member}" if self._place else member
