"""Writes docs/reference from the code: ``python -m docs.generate``."""

import ast
import inspect
import json
import sys
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import client.generate
from docs.command_reference import commands_page
from docs.destination_cases import cases_page
from docs.document_reference import DOCUMENTS, document_page
from docs.plugin_rules import rules_page
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

import certrail.services
from certrail.crypto.keyring import Keyring
from certrail.domain import errors
from certrail.domain.access import Permission, ProductRole, Role, allows
from certrail.domain.events import EVENTS, Event
from certrail.persistence.database import Database
from certrail.plugins.registry import PluginRegistry
from certrail.services.core.orchestrator import OutboxMessage, WorkflowStart
from certrail.services.core.unit_of_work import ServiceContext
from certrail.services.facade import Services
from certrail.services.migration.document import schema
from certrail_sdk import errors as plugin_errors
from certrail_server.api.app import create_app
from certrail_server.api.guard import Guard
from certrail_server.cli.support.credentials import DEFAULT_URL
from certrail_server.settings import describe

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `python -m docs.generate`; edit the code instead. -->"
CALLERS: Sequence[tuple[str, str | None, Role | None]] = (
    ("Product Admin", ProductRole.ADMIN, None),
    ("Admin", ProductRole.MEMBER, Role.ADMIN),
    ("Operator", ProductRole.MEMBER, Role.OPERATOR),
    ("Auditor", ProductRole.MEMBER, Role.AUDITOR),
    ("no role", ProductRole.MEMBER, None),
)


@dataclass(frozen=True)
class Route:
    """One call of the HTTP API.

    Attributes:
        permission: ``None`` where no bearer token is asked for.
        moved: what it made belongs to an Application now, and is made there.
    """

    method: str
    path: str
    permission: Permission | None
    body: Any = None
    moved: bool = False


class NoOrchestrator:
    """Stands where workflows would be started; nothing is ever sent."""

    async def dispatch(self, message: OutboxMessage) -> None:
        """Refuse: no application is served here."""
        raise NotImplementedError(message.workflow_id)

    async def dispatch_together(self, messages: Sequence[OutboxMessage]) -> None:
        """Refuse, as `dispatch` does."""
        raise NotImplementedError(len(messages))

    async def health(self) -> bool:
        """Nothing to reach."""
        return False

    async def identity(self) -> str | None:
        """Nothing is stored."""
        return None

    async def ensure(self) -> Collection[str]:
        """Nothing is made."""
        return ()

    async def lost(self, starts: Sequence[WorkflowStart]) -> Collection[str]:
        """Refuse, as `dispatch` does."""
        raise NotImplementedError(len(starts))


def application() -> FastAPI:
    """The HTTP application, over a database that is never opened."""
    context = ServiceContext(
        db=Database("sqlite:///never-opened.db"),
        keyring=Keyring.generate(),
        plugins=PluginRegistry(),
        clock=lambda: datetime.now(UTC),
        new_id=lambda: uuid.uuid4().hex,
    )
    return create_app(Services.build(context), NoOrchestrator())


@cache
def routes() -> tuple[Route, ...]:
    """Every documented route, by path and method."""
    found = []
    for context in iter_route_contexts(application().routes):
        dependant = getattr(context, "dependant", None)
        if dependant is None or context.path is None:
            continue
        guards = [d.call for d in dependant.dependencies if isinstance(d.call, Guard)]
        permission = guards[0].permission if guards else None
        moved = bool(guards and guards[0].creates) and "{application}" not in context.path
        body = dependant.body_params[0].field_info.annotation if dependant.body_params else None
        found += [Route(method, context.path, permission, body, moved) for method in context.methods or ()]
    return tuple(sorted(found, key=lambda route: (route.path, route.method)))


def settings_page() -> str:
    """Every variable."""
    rows = ((f"`{name}`", f"`{default}`" if default else "", text) for name, default, text in describe())
    return page(
        "Settings",
        "Every certrail process reads these environment variables. None is required.",
        table(("variable", "default", "meaning"), rows),
        "Commands that speak to a running certrail over its API read two more, wherever they are run: "
        f"`CERTRAIL_TOKEN`, the caller's token, and `CERTRAIL_URL`, by default `{DEFAULT_URL}`.",
    )


def permissions_page() -> str:
    """Every route with who may call it."""
    names = [name for name, _, _ in CALLERS]
    rows = (
        (f"`{r.method} {r.path}`", f"`{r.permission}`" if r.permission else "none", *_marks(r))
        for r in routes()
    )
    return page(
        "API permissions",
        "Who may call what. *Product Admin* is a role of the product; *Admin*, *Operator* and *Auditor* are "
        "roles in the Application that the call is about, or in the legacy scope, for what belongs to no "
        "Application (`/api/v1/syncs` and its like); *no role* is any other user or machine with a "
        "token. A token with scopes can do less than its owner, never more. An object that the caller may "
        "not see answers 404.",
        "Some routes look closer: a vote counts only for approvers of the current step, a private key is "
        "shown once and to its requester only, and a request is cancelled by its requester or an Admin.",
        "What nobody may do is done elsewhere: new objects belong to an Application, and outside of one everybody is "
        "answered `legacy-creation` with the call to use. But alerts and channels that are `product_wide` are made "
        "there, by Product Admins. `GET /api/v1/certificates?application=none` asks for `certificate:read` in the "
        "legacy scope only.",
        table(("call", "permission", *names), rows),
        "Routes without a permission verify in another way, or tell nothing: callbacks are signed by the "
        "chat system, sign-in asks the OpenID Connect provider, sessions show their cookie, "
        "`/metrics` wants the token of the settings, "
        "revocation lists and OCSP are for everybody, and health checks say only whether parts answer.",
    )


def _marks(route: Route) -> Iterator[str]:
    for _, product_role, role in CALLERS:
        wanted = route.permission
        allowed = wanted is None or allows(wanted, product_role=product_role, role=role)
        yield "yes" if allowed and not route.moved else ""


def errors_page() -> str:
    """Every problem kind, and the errors a plugin raises."""
    classes = [c for c in vars(errors).values() if _is_error(c, errors.CertrailError)]
    bases = [(f"`{c.kind}`", str(c.status), c.title, inspect.getdoc(c) or "") for c in classes]
    finer = sorted((kind, str(getattr(errors, name).status), name) for name, kind in kinds())
    plugin = [c for c in vars(plugin_errors).values() if _is_error(c, plugin_errors.PluginError)]
    return page(
        "Errors",
        "Every refusal is an RFC 9457 problem document, `application/problem+json`, whose `type` is "
        "`urn:certrail:problem:<kind>`. `detail` says what is wrong and what to change; `request_id` finds "
        "it in the log.",
        table(("kind", "status", "title", "meaning"), bases),
        "## Finer kinds\n\nThe same statuses, distinguished where a caller may want to react.",
        table(("kind", "status", "as"), ((f"`{k}`", s, f"`{n}`") for k, s, n in finer)),
        "## What plugins raise\n\nShown in deliveries and notifications as `last_error`, with the plugin's "
        "name and version. The action is what the person who reads it should do.",
        table(
            ("error", "a kind of", "meaning", "action"),
            ((f"`{c.__name__}`", f"`{c.__base__.__name__}`", _first_line(c), c.action) for c in plugin),
        ),
    )


def events_page() -> str:
    """Events that alerts may name, then the rest of the audit log; each from its class."""
    alertable = [event for event in EVENTS.values() if event.alertable]
    others = [event for event in EVENTS.values() if not event.alertable]
    return page(
        "Events",
        "An event is an immutable fact, written in the same transaction as the change that it records. Its type "
        "is unique, and `data` always has the members of its payload; where one does not apply it is null.",
        "Alerts may name these. An incident is opened, acknowledged or closed with the event:",
        table(
            ("event", "severity", "incident", "title", "meaning", "payload"),
            (
                (
                    f"`{event.event_type}`",
                    event.severity,
                    event.stage or "",
                    event.title,
                    _first_line(event),
                    _payload_of(event),
                )
                for event in sorted(alertable, key=_by_type)
            ),
        ),
        "## Audit log only\n\nEvents of an Application, of either table, are served by "
        "`GET /api/v1/applications/{application}/events`; the plugin hook `certrail_event` is called for all.",
        table(
            ("event", "meaning", "payload"),
            (
                (f"`{event.event_type}`", _first_line(event), _payload_of(event))
                for event in sorted(others, key=_by_type)
            ),
        ),
    )


def _by_type(event: type[Event]) -> str:
    return event.event_type


def _payload_of(event: type[Event]) -> str:
    envelope = {field.name for field in fields(Event)}
    return ", ".join(f"`{field.name}`" for field in fields(event) if field.name not in envelope)


def openapi_snapshot() -> str:
    """The description of the HTTP API, as `/openapi.json` serves it."""
    return json.dumps(application().openapi(), indent=1, ensure_ascii=False) + "\n"


def export_schema() -> str:
    """The format of a project of the older model."""
    return json.dumps(schema(), indent=2) + "\n"


def rules() -> str:
    """The rules of the conformance kit."""
    return page("Rules of the conformance kit", *rules_page())


def destinations() -> str:
    """What each destination does in each case."""
    return page("Destinations", *cases_page())


def commands() -> str:
    """Every command."""
    return page("Command line", *commands_page())


def document(name: str) -> str:
    """One kind of JSON document."""
    described = DOCUMENTS[name]
    return page(described.title, *document_page(described, application().openapi()))


PAGES: dict[str, Callable[[], str]] = {
    **{name: partial(document, name) for name in DOCUMENTS},
    "cli.md": commands,
    "settings.md": settings_page,
    "api-permissions.md": permissions_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "plugin-rules.md": rules,
    "destinations.md": destinations,
    "openapi.json": openapi_snapshot,
    "project-export.schema.json": export_schema,
}


def kinds() -> set[tuple[str, str]]:
    """Class and kind of every error that is raised under a kind of its own."""
    names = {name for name, c in vars(errors).items() if _is_error(c, errors.CertrailError)}
    return {
        (call.func.id, str(keyword.value.value))
        for call in _calls()
        if isinstance(call.func, ast.Name) and call.func.id in names
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }


def _calls() -> Iterator[ast.Call]:
    folders = (Path(certrail.services.__path__[0]), ROOT / "server" / "certrail_server" / "api")
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                yield node


def _is_error(candidate: object, base: type[Exception]) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, base) and candidate is not base


def _first_line(documented: type) -> str:
    return (inspect.getdoc(documented) or "").splitlines()[0]


def page(title: str, *parts: str) -> str:
    """One page of the reference."""
    return "\n\n".join((f"# {title}", NOTE, *parts)) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


def main() -> int:
    """Write every page."""
    REFERENCE.mkdir(exist_ok=True)
    for name, write in PAGES.items():
        (REFERENCE / name).write_text(write())
    client.generate.write(application().openapi())
    return 0


if __name__ == "__main__":
    sys.exit(main())
