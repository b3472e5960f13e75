"""One call of the API as a value: built by `certrail_client.api`, sent by a client."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import httpx2

from certrail_client.errors import InvalidAnswer, InvalidReference

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  the item of a page
PREFIX = "/api/v1"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call that is answered with a `T`.

    Attributes:
        path: below the server's address, its parameters quoted.
        answer: type of the answer; `bytes` for content that is no JSON, `NoneType` for none.
        query: values that are ``None`` are not sent; a list is sent once for each of its items.
        body: sent as JSON, without the members that were not set. Not in the repr, as it may hold a secret.
        idempotent: the server makes one object for one Idempotency-Key, so that the call may be sent again.
        idempotency_key: drawn when the call is built, so that sending the same call twice makes one object.
    """

    method: str
    path: str
    answer: Any
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    idempotent: bool = False
    idempotency_key: str | None = None

    def __post_init__(self) -> None:
        if self.idempotent and self.idempotency_key is None:
            object.__setattr__(self, "idempotency_key", uuid.uuid4().hex)

    @property
    def may_repeat(self) -> bool:
        """Whether sending it again changes nothing twice (RFC 9110 section 9.2.1, and Idempotency-Key)."""
        return self.method in SAFE or self.idempotent

    def parameters(self) -> dict[str, list[str]]:
        """The query as it is sent."""
        sent = {}
        for name, value in self.query.items():
            values = value if isinstance(value, list | tuple) else (value,)
            if texts := [text_of(item) for item in values if item is not None]:
                sent[name] = texts
        return sent

    def parse(self, answer: httpx2.Response) -> T:
        """The answer as its type. Raises InvalidAnswer."""
        if self.answer is bytes:
            return answer.content  # type: ignore[return-value]
        if self.answer is type(None):
            return None  # type: ignore[return-value]
        from pydantic import ValidationError  # noqa: PLC0415  as in _adapter

        try:
            return _adapter(self.answer).validate_json(answer.content)  # type: ignore[no-any-return]
        except ValidationError as wrong:
            # Neither the message nor the chain shows the content: it may hold a secret.
            where = ", ".join(".".join(map(str, fault["loc"])) or "body" for fault in wrong.errors()[:5])
            raise InvalidAnswer(
                f"{self.method} {self.path} was not answered as the API describes it: {where}."
            ) from None


@dataclass(frozen=True)
class PagedCall(Call[T], Generic[T, I]):
    """A call that is answered with one page of `I`s; `pages` of a client reads them all.

    Attributes:
        position: name of the query parameter that takes a page's `next_cursor`.
    """

    position: str = "cursor"


def path_of(template: str, **parameters: str) -> str:
    """A path with its parameters in place.

    Raises:
        InvalidReference: a value would not be one segment of a path (RFC 3986 section 3.3): servers decode `%2F` before
            they look for a route, so it would name another call.
    """
    for name, value in parameters.items():
        if value in ("", ".", "..") or "/" in value:
            raise InvalidReference(f"{value!r} names no {name.removesuffix('_id').replace('_', ' ')}.")
    return template.format(**{name: quote(value, safe="") for name, value in parameters.items()})


def scoped(application: str | None, below: str, **parameters: str) -> str:
    """The path of an object of an Application, or with ``None`` of one that belongs to no Application."""
    if application is None:
        return path_of(PREFIX + below, **parameters)
    return path_of(f"{PREFIX}/applications/{{application}}{below}", application=application, **parameters)


def text_of(value: Any) -> str:
    """A query value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def json_of(body: Any) -> Any:
    """A body as JSON values; of a model, what was set, its secrets in the clear."""
    if hasattr(body, "model_dump"):
        return body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return body


@cache
def _adapter(answer: Any) -> "TypeAdapter[Any]":
    # Imported for the first typed answer: whoever calls without models starts in half the time.
    from pydantic import TypeAdapter  # noqa: PLC0415

    return TypeAdapter(answer)
