"""Events with the facts that a test is about, and a sample value for every other field."""

from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any, get_type_hints

from certrail.domain.events import EVENTS, Event

NOT_AFTER = datetime(2030, 1, 1, tzinfo=UTC)
SAMPLES = {str: "sample", int: 1, bool: False, datetime: NOT_AFTER}


def sample_event(event_type: str, subject_id: str, application_id: str | None, **facts: Any) -> Event:
    """An event of this type; refuses facts that its class does not have."""
    cls = EVENTS[event_type]
    hints = get_type_hints(cls)
    filled = {
        field.name: _sample(hints[field.name])
        for field in fields(cls)
        if field.default is MISSING and field.name not in ("subject_id", *facts)
    }
    return cls(subject_id, application_id, **filled, **facts)


def _sample(hint: Any) -> Any:
    return (
        SAMPLES.get(hint) if hint in SAMPLES else None if type(None) in getattr(hint, "__args__", ()) else ()
    )
