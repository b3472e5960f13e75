"""What the reconciliation has to know of a table whose objects need workflows; each room describes its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session

from certrail.services.core.orchestrator import WorkflowStart


@dataclass(frozen=True, kw_only=True)
class OpenObjects:
    """The objects of one table in a state that needs a workflow.

    Attributes:
        name: unique among all; the counts in events and in `doctor` are by this name.
        flow: the kind of workflow that they need.
        table: has `id` and `created_at`.
        condition: which rows need a workflow.
        starts: their workflows by the id of the row, read without locks; a row may be left out.
        also_when_lost: which rows need one too when every workflow was lost after the time that it is given.
    """

    name: str
    flow: str
    table: Any
    condition: ColumnElement[bool]
    starts: Callable[[Session, Sequence[Any]], Mapping[str, WorkflowStart]]
    also_when_lost: Callable[[datetime], ColumnElement[bool]] | None = None

    def needing(self, lost_after: datetime | None = None) -> ColumnElement[bool]:
        """Which rows need a workflow; all were lost if there is a time after which."""
        if lost_after is None or self.also_when_lost is None:
            return self.condition
        return self.condition | self.also_when_lost(lost_after)
