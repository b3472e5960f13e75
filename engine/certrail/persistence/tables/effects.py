"""The columns of an effect: a plugin call whose intent is committed before it and whose receipt after it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from certrail.domain.states import EffectStatus
from certrail.persistence.tables.base import timestamp


class EffectColumns(SQLModel):
    """How far one plugin call has come; see `certrail.services.core.effects`.

    Attributes:
        status: a state of the row's own kind; ``retrying`` or ``due`` after a failure that is tried again, ``failed``
            after the last one.
        intent_at: set before the plugin is called and cleared with the receipt: the outside object may exist.
        attempts: number of the last attempt, counted from 1.
        last_error: the last failure as `Failure.stored`; empty again after a success.
        next_try_at: time of the next attempt; empty when none is planned.
        receipt: the plugin's last answer as JSON.
    """

    status: str = Field(default=EffectStatus.PENDING, max_length=16)
    intent_at: datetime | None = timestamp()
    attempts: int = 0
    last_error: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
    next_try_at: datetime | None = timestamp()
    receipt: dict[str, Any] | None = Field(default=None, sa_type=JSON, nullable=True)
