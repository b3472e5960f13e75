"""What is wrong with plugins."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from certrail.persistence.types import UtcDateTime


class PluginTrouble(SQLModel, table=True):
    """A plugin that could not be loaded, or is used and not installed; there is no row for one that works."""

    __tablename__ = "plugin_trouble"

    key: str = Field(primary_key=True, max_length=80)
    since: datetime = Field(sa_type=UtcDateTime)
    reason: str
