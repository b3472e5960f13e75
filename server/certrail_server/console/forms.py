"""What a form sent, and that a page of this server sent it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from fastapi import Request

from certrail.domain.errors import BadInput, Forbidden
from certrail.services.core.actor import Actor, IdempotencyKey
from certrail_server.api.browser import SAFE

MOST_FIELDS = 200
URLENCODED = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Form:
    """The fields of a form, in their order."""

    fields: Mapping[str, Sequence[str]]

    def get(self, name: str, default: str = "") -> str:
        """The first value of a field, without the blanks around it."""
        return self.fields.get(name, (default,))[0].strip()

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field that is not empty."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]

    def given(self, *names: str) -> dict[str, str]:
        """The first values of the fields that are not empty."""
        return {name: value for name in names if (value := self.get(name))}

    def rows(self, name: str) -> int:
        """How many groups of fields ``name.0.…``, ``name.1.…`` there are, up to the last that says anything."""
        begins = f"{name}."
        numbers = [
            key.removeprefix(begins).partition(".")[0]
            for key, values in self.fields.items()
            if key.startswith(begins) and any(value.strip() for value in values)
        ]
        return max((int(each) + 1 for each in numbers if each.isdigit() and len(each) < 3), default=0)

    def lines(self, name: str) -> Sequence[str]:
        """The lines of a text field that are not empty."""
        return [line.strip() for line in self.get(name).splitlines() if line.strip()]


async def read_form(request: Request) -> None:
    """A dependency of every page: reads the form before the guard, which compares its CSRF token.

    Raises:
        BadInput: the body is no form.
        Forbidden: a page of another site sent it.
    """
    request.state.form = Form({})
    if request.method in SAFE:
        return
    _refuse_other_origin(request)
    body = await request.body()
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != URLENCODED:
        raise BadInput(f"A page takes forms only, as {URLENCODED}.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadInput(f"The form is not UTF-8, or has more than {MOST_FIELDS} fields.") from None
    request.state.form = Form(fields)
    request.state.csrf_token = request.state.form.get("csrf")


def form_of(request: Request) -> Form:
    """What the form sent; empty where nothing was sent."""
    found: Form = request.state.form
    return found


def once(request: Request, actor: Actor) -> Actor:
    """The actor of a create, with the key that the form was given: sent twice, it makes one object."""
    form = form_of(request)
    key = form.get("once")
    if not key:
        return actor
    said = sorted((name, list(values)) for name, values in form.fields.items() if name != "csrf")
    content = hashlib.sha256(f"{request.url.path}\n{said}".encode()).hexdigest()
    return replace(actor, idempotency_key=IdempotencyKey(key[:255], content))


def _refuse_other_origin(request: Request) -> None:
    """A second lock beside the CSRF token: browsers say which site a form is from (Fetch, "Origin header")."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    foreign = origin not in (None, "null") and urlsplit(str(origin)).netloc != request.url.netloc
    if foreign and not _is_public(request, str(origin)):
        raise Forbidden("The form was sent by a page of another site.", kind="other-origin")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("The form was sent by a page of another site.", kind="other-origin")


def _is_public(request: Request, origin: str) -> bool:
    """Whether this is the address under which a proxy serves us."""
    public = urlsplit(request.app.state.services.context.public_url or "")
    return bool(public.netloc) and origin == f"{public.scheme}://{public.netloc}"
