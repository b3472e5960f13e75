"""Lists whose filter a person may keep under a name."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

MOST_VIEWS = 50
"""Of one person."""
LONGEST_NAME = 64
LONGEST_VALUE = 320


class ViewedList(StrEnum):
    """A list of the console."""

    CERTIFICATES = "certificates"
    REQUESTS = "requests"
    APPROVALS = "approvals"
    EVENTS = "events"
    PRINCIPALS = "principals"


FILTERS: Mapping[ViewedList, frozenset[str]] = MappingProxyType(
    {
        ViewedList.CERTIFICATES: frozenset(
            {"search", "status", "expires_after", "expires_before", "sort", "issuer"}
        ),
        ViewedList.REQUESTS: frozenset({"status"}),
        ViewedList.APPROVALS: frozenset({"status"}),
        ViewedList.EVENTS: frozenset({"type"}),
        ViewedList.PRINCIPALS: frozenset({"kind"}),
    }
)
"""What each can be filtered by."""
WITHOUT_APPLICATION = frozenset({ViewedList.CERTIFICATES, ViewedList.APPROVALS, ViewedList.PRINCIPALS})
OF_AN_APPLICATION = frozenset({ViewedList.CERTIFICATES, ViewedList.REQUESTS, ViewedList.EVENTS})


def fault_of(list_: ViewedList, in_application: bool, filter_: Mapping[str, str]) -> tuple[str, str] | None:
    """What is wrong with a view, and with which member of it; ``None`` where it fits."""
    if list_ not in (OF_AN_APPLICATION if in_application else WITHOUT_APPLICATION):
        where = "is of an Application; name it" if not in_application else "is of no Application; name none"
        return f"The list of {list_} {where}.", "application"
    if unknown := sorted(filter_.keys() - FILTERS[list_]):
        known = ", ".join(sorted(FILTERS[list_]))
        return f"The list of {list_} is filtered by {known}, not by {unknown[0][:64]!r}.", "filter"
    if long := next((name for name, value in filter_.items() if len(value) > LONGEST_VALUE), None):
        return f"A value has at most {LONGEST_VALUE} characters.", f"filter.{long}"
    return None
