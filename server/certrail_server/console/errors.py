"""What a page shows instead when a call is refused: the words of the API's problem document."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from certrail_server.api.browser import SAFE
from certrail_server.console.page import HEADERS, Bare


def is_page(request: Request) -> bool:
    """Whether a person looks at the answer."""
    path = request.url.path
    return path == "/console" or path.startswith("/console/")


def problem_page(request: Request, problem: Mapping[str, Any]) -> Response:
    """A problem document as a page; whoever is not signed in is sent to sign in and back."""
    status = int(problem["status"])
    if status == HTTPStatus.UNAUTHORIZED and _is_opened(request):
        return RedirectResponse(_sign_in_path(request, _here(request)), 303, dict(HEADERS))
    answer = Bare(request).render("problem.html", status, problem=problem, back=_back(request))
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _sign_in_path(request: Request, wanted: str) -> str:
    """Where to sign in, from which the browser comes to `wanted`: at the provider at once, where there is one.

    After a form, browsers follow no redirect to another site under ``form-action 'self'`` (CSP Level 3): then a page
    of ours leads there.
    """
    direct = request.app.state.sign_in is not None and request.method in SAFE
    path = "/auth/sign-in" if direct else "/console/sign-in"
    return f"{path}?next={quote(wanted, safe='/')}"


def _is_opened(request: Request) -> bool:
    """Whether a browser opens the page, and no program reads it."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(
        "/console/sign-in"
    )


def _here(request: Request) -> str:
    """Where to come back to: the page itself, or the one whose form was sent."""
    if request.method in SAFE:
        query = f"?{request.url.query}" if request.url.query else ""
        return request.url.path + query
    return _back(request) or "/console"


def _back(request: Request) -> str:
    """The page of ours that led here; empty where it is not known."""
    came = urlsplit(request.headers.get("referer", ""))
    if came.netloc != request.url.netloc or not came.path.startswith("/console"):
        return ""
    return came.path + (f"?{came.query}" if came.query else "")
