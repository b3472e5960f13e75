"""What every event is: an immutable fact of one class, with its payload typed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from certrail_sdk import Severity, Stage

Facts = Mapping[str, Any]
"""Public values of a row, as JSON: what an update event gives as `before` and `after`."""

EVENTS: dict[str, type["Event"]] = {}
"""Every event class by its type string."""


@dataclass(frozen=True)
class Event:
    """A fact about one subject. A class with a `type` is one event; one without is the base of several.

    Every field but the first two is payload: public values only, served by the API and sent to plugins.

    Attributes:
        event_type: `noun.what_happened`, unique; alerts, hooks and the API name the event by it.
        subject_type: what `subject_id` is the id of.
        title: one line for a person; `{name}` is put in by the message.
        severity: how soon a person should look.
        stage: whether the event opens, acknowledges or closes the incident of its `incident_key`.
        alertable: whether alerts may name it.
        shared: whether its subject belongs to no Application because all may use it.
        product_wide: whether every product-wide channel is notified, whatever alerts there are.
    """

    subject_id: str
    application_id: str | None = None

    event_type: ClassVar[str] = ""
    subject_type: ClassVar[str] = ""
    title: ClassVar[str] = ""
    severity: ClassVar[Severity] = Severity.INFO
    stage: ClassVar[Stage | None] = None
    alertable: ClassVar[bool] = False
    shared: ClassVar[bool] = False
    product_wide: ClassVar[bool] = False

    def __init_subclass__(
        cls,
        type: str = "",
        title: str = "",
        subject: str | None = None,
        severity: Severity | None = None,
        stage: Stage | None = None,
        alertable: bool | None = None,
        shared: bool | None = None,
        product_wide: bool | None = None,
    ) -> None:
        """Take the class's properties from its head, or from its base, and enter it under its type."""
        given = {
            "event_type": type,
            "title": title,
            "subject_type": subject,
            "severity": severity,
            "stage": stage,
            "alertable": alertable,
            "shared": shared,
            "product_wide": product_wide,
        }
        for name, value in given.items():
            if value is not None:
                setattr(cls, name, value)
        if not type:
            return
        if type in EVENTS:
            raise TypeError(f"{type} is the event {EVENTS[type].__name__} already")
        if not (cls.subject_type and title):
            raise TypeError(f"{type} needs a subject and a title")
        EVENTS[type] = cls

    @property
    def creates(self) -> bool:
        """Whether the subject was created by this very change: an idempotent repeat is answered with it."""
        return self.event_type.endswith(".created")

    def incident_key(self) -> str | None:
        """The incident that the event opens, acknowledges or closes; ``None`` for one that is about none."""
        return f"{self.subject_type}-{self.subject_id}" if self.stage else None

    def page(self) -> str | None:
        """The path of a page where a person can act on it; ``None`` where there is none."""
        return None

    def payload(self) -> dict[str, Any]:
        """Every field but subject and Application as JSON; times in ISO 8601. The keys are always the same."""
        return {
            field.name: _as_json(getattr(self, field.name))
            for field in fields(self)
            if field.name not in _ENVELOPE
        }


_ENVELOPE = frozenset(field.name for field in fields(Event))


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | list) else value
