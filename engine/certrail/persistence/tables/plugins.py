"""What is wrong with plugins, and what sweeps could not handle."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from certrail.persistence.types import UtcDateTime


class PluginTrouble(SQLModel, table=True):
    """A plugin that could not be loaded, or is used and not installed; there is no row for one that works."""

    __tablename__ = "plugin_trouble"

    key: str = Field(primary_key=True, max_length=80)
    since: datetime = Field(sa_type=UtcDateTime)
    reason: str


class SweepTrouble(SQLModel, table=True):
    """Something that a sweep could not handle, and when that was told; there is no row once it could again."""

    __tablename__ = "sweep_trouble"

    key: str = Field(primary_key=True, max_length=80)
    sweep: str = Field(index=True, max_length=40)
    told_at: datetime = Field(sa_type=UtcDateTime)
