"""What an outside system answered that went wrong."""

from datetime import datetime

from pydantic import Field

from certrail_server.api.schemas.base import Out


class FailureOut(Out):
    """One failed attempt of a plugin."""

    kind: str = Field(description="Name of the error class, such as RateLimited.")
    message: str = Field(description="What the outside system or the plugin said, without secrets.")
    action: str = Field(description="What a person should do.")
    plugin: str = Field(description="Name and version of the plugin.")
    next_try_at: datetime | None = Field(description="When it is tried again; null if it is not.")
    permanent: bool = Field(description="Whether a person must act before another attempt can succeed.")
    at: datetime = Field(description="When it failed.")
