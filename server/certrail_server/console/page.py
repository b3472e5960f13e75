"""One page for one call: what its templates are given, and its headers."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from certrail.domain.access import Permission
from certrail.services.access.sessions import Browser
from certrail_server.api.browser import SAFE, is_secure
from certrail_server.api.guard import OWNER_OF, Call
from certrail_server.api.routes.public.sessions import own_path
from certrail_server.console.forms import form_of, read_form
from certrail_server.console.live import Changes, Concerns
from certrail_server.console.navigation import MENU, current_of, menu_for
from certrail_server.console.notices import NOTICES
from certrail_server.console.rendering import environment

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'self'",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "frame-ancestors 'none'",  # a page that is framed could be clicked by accident
            )
        ),
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Vary": "Cookie, HX-Request",
    }
)
OF_AN_APPLICATION = frozenset({"application", *OWNER_OF})
"""Parameters of paths that name an Application, or an object of one or of the legacy scope."""
NOTICE = "certrail-notice"
NOTICE_SECONDS = 30
THEME = "certrail-theme"
THEMES = ("light", "dark")
KEYS = "certrail-keys"
KEYS_OFF = "off"


def page_router(path: str) -> APIRouter:
    """A router for pages below ``/console``."""
    return APIRouter(
        prefix=f"/console{path}",
        include_in_schema=False,
        dependencies=[Depends(read_form)],
        default_response_class=HTMLResponse,
    )


class Bare:
    """A page for whoever is not signed in."""

    menu: Any = ()
    reader: Any = None
    csrf = ""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.path = request.url.path

    @property
    def theme(self) -> str:
        """What the reader chose; empty: as the system has it."""
        chosen = self.request.cookies.get(THEME, "")
        return chosen if chosen in THEMES else ""

    @property
    def has_keys(self) -> bool:
        """Whether single keys do something."""
        return self.request.cookies.get(KEYS) != KEYS_OFF

    @property
    def now(self) -> datetime:
        """The time of the services."""
        found: datetime = self.request.app.state.services.context.clock()
        return found

    @property
    def notice(self) -> str:
        """What is said once about the change before."""
        return NOTICES.get(self.request.cookies.get(NOTICE, ""), "")

    @property
    def here(self) -> str:
        """The address of the open page, for its forms; where a form was sent, of the page that the form was on."""
        if self.request.method not in SAFE:
            return self._own(form_of(self.request).get("back"))
        query = f"?{self.request.url.query}" if self.request.url.query else ""
        return self.path + query

    @property
    def current(self) -> str | None:
        """The path of the menu's entry that is open."""
        return current_of(self.path, [entry for _, entries in MENU for entry in entries])

    @property
    def once(self) -> str:
        """A key for a form that creates something; see `forms.once`."""
        return uuid4().hex

    def render(self, template: str, status: int = 200, block: str = "", **given: Any) -> Response:
        """The page; of one that htmx fetches to replace the element with the id of a block, that block alone."""
        found = environment().get_template(template)
        context = {**given, "page": self}
        if block and self.request.headers.get("hx-target") == block:
            parts = found.blocks[block](found.new_context(context))
            text = "".join(parts)
        else:
            text = found.render(context)
        answer = HTMLResponse(text, status, dict(HEADERS))
        if NOTICE in self.request.cookies:
            answer.delete_cookie(NOTICE, path="/console")
        return answer

    def go_back(self, path: str, notice: str = "") -> Response:
        """Send the browser to the page on which a button was pressed, or to `path` where that is not known."""
        return self.go(self._own(form_of(self.request).get("back")) or path, notice)

    def go(self, path: str, notice: str = "") -> Response:
        """Send the browser to another page after a change; `notice` is one of `NOTICES`."""
        answer = RedirectResponse(path, 303, dict(HEADERS))
        if notice:
            assert notice in NOTICES
            secure = is_secure(self.request)
            answer.set_cookie(
                NOTICE,
                notice,
                max_age=NOTICE_SECONDS,
                path="/console",
                httponly=True,
                secure=secure,
                samesite="strict",
            )
        return answer

    @staticmethod
    def _own(back: str) -> str:
        """A page of the console, as a form names it, or nothing: what a form says may be made by somebody else."""
        path = own_path(back, "").partition("?")[0]
        return back if path == "/console" or path.startswith("/console/") else ""


class Page(Bare):
    """A page of a call that was let through."""

    def __init__(self, request: Request, call: Call) -> None:
        super().__init__(request)
        self.call = call
        self.reader = call.actor
        browser: Browser | None = getattr(request.state, "browser", None)
        self.csrf = browser.csrf_token if browser else ""
        self._draft = browser.draft if browser else None

    @property
    def draft(self) -> Mapping[str, str]:
        """What the reader wrote into the form of this page before signing in again; empty where there is nothing."""
        return self._draft.fields if self._draft and self._draft.path == self.path else {}

    @cached_property
    def held(self) -> Collection[Permission]:
        """What the reader may do where the page's object belongs."""
        principals = self.call.services.principals
        if OF_AN_APPLICATION & self.request.path_params.keys():
            return frozenset(principals.held_in(self.call.actor, self.call.scope))
        return frozenset(principals.held(self.call.actor))

    @cached_property
    def menu(self) -> Any:
        """The menu, as far as its entries can be opened."""
        return menu_for(frozenset(self.call.services.principals.held(self.call.actor)))

    @cached_property
    def seq(self) -> int:
        """The number of the last event that the page can show; what comes later changes it."""
        return self.call.services.audit_log.head().seq

    def changes(self, concerns: Concerns, after: int) -> Response:
        """A stream that says when something of the page changed; `after` is its `seq`."""
        last = self.request.headers.get("last-event-id", "")
        after = int(last) if last.isdigit() and len(last) < 19 else after
        return Changes(self.request.app.state.live, self.call.actor.principal_id, after, concerns)

    def may(self, permission: str) -> bool:
        """Whether the reader holds a permission where the page's object belongs."""
        return Permission(permission) in self.held
