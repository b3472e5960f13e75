"""Whether a process can do its work."""

from pydantic import Field

from certrail_server.api.schemas.base import Out


class LiveOut(Out):
    """The process answers."""

    status: str = Field(description="Always `ok`.")


class ReadyOut(Out):
    """Whether the process can do its work."""

    status: str = Field(description="`ready` or `not ready`.")
    database: str = Field(description="`ok`, or what is wrong.")
    orchestrator: str = Field(description="`ok`, or what is wrong; without it work is accepted and waits.")
