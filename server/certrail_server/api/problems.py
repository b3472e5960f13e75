"""Every error is a problem document (RFC 9457)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from starlette.exceptions import HTTPException

from certrail.domain.errors import CertrailError, Unauthenticated
from certrail.domain.faults import message_of
from certrail_sdk import PluginError

log = logging.getLogger(__name__)

TYPE_BASE = "urn:certrail:problem:"
MOST_FAULTS = 20
"""In one answer: who sends sixty thousand wrong names learns as much from the first of them."""
LIMIT_EXCEEDED = "54"
"""Class of SQLSTATE: a value is too large for the database, which answers well."""
MEDIA_TYPE = "application/problem+json"


def problem(
    request: Request,
    status: int,
    kind: str,
    title: str,
    detail: str,
    extra: Mapping[str, Any] = MappingProxyType({}),
    challenge: str = "Bearer",
) -> Response:
    """One problem document, or the page that says the same to a person.

    Args:
        extra: further members, of any name; those of RFC 9457 are not replaced.
        challenge: with status 401, the value of `WWW-Authenticate`.
    """
    body = {
        **extra,
        "type": f"{TYPE_BASE}{kind}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "request_id": getattr(request.state, "request_id", None),
    }
    page: Response | None = request.app.state.problem_page(request, body)
    if page is not None:
        return page
    headers = {"WWW-Authenticate": challenge} if status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(jsonable_encoder(body), status, headers, media_type=MEDIA_TYPE)


def _body_of(request: Request) -> type[BaseModel] | None:
    """The model of the body that the route takes."""
    parameters = request.scope["route"].dependant.body_params
    model = parameters[0].field_info.annotation if parameters else None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _message(fault: Mapping[str, Any], body: type[BaseModel] | None) -> str:
    """What is wrong; of an unknown member also which ones are known there."""
    where, *path = fault["loc"]
    return message_of({**fault, "loc": tuple(path)}, body if where == "body" else None)


def install(app: FastAPI) -> None:
    """Turn every exception that can leave a route into a problem document; the console shows some as pages."""
    app.state.problem_page = lambda _request, _problem: None

    @app.exception_handler(CertrailError)
    def refused(request: Request, err: CertrailError) -> Response:
        request.app.state.refusals.record(request, err)
        challenge = err.challenge if isinstance(err, Unauthenticated) else ""
        return problem(request, err.status, err.kind, err.title, err.detail, err.extra, challenge)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, err: RequestValidationError) -> Response:
        body = _body_of(request)
        # The input itself stays out of the answer: it may hold a secret.
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"][1:]), "message": _message(fault, body)}
            for fault in err.errors()[:MOST_FAULTS]
        ]
        detail = "; ".join(f"{f['field'] or 'body'}: {f['message']}" for f in faults)
        if (more := len(err.errors()) - MOST_FAULTS) > 0:
            detail += f"; and {more} more"
        return problem(request, 400, "bad-input", "Bad input", detail, {"errors": faults})

    @app.exception_handler(PluginError)
    def plugin(request: Request, err: PluginError) -> Response:
        extra = {"error": type(err).__name__, "action": err.action, "field": getattr(err, "field", None)}
        return problem(request, 422, "plugin-refused", "The outside system refused", str(err), extra)

    @app.exception_handler(HTTPException)
    def http(request: Request, err: HTTPException) -> Response:
        title = HTTPStatus(err.status_code).phrase
        return problem(request, err.status_code, title.lower().replace(" ", "-"), title, str(err.detail))

    @app.exception_handler(DataError)
    def unstorable(request: Request, _err: DataError) -> Response:
        detail = "A value in the address or the query cannot be stored, such as one with the character NUL."
        return problem(request, 400, "bad-input", "Bad input", detail)

    @app.exception_handler(IntegrityError)
    def crossed(request: Request, err: IntegrityError) -> Response:
        log.warning("two changes crossed: %s", type(err.orig).__name__)
        detail = "Another call changed the same object at the same time, so nothing was recorded. Try again."
        return problem(request, 409, "conflict", "Conflict", detail)

    @app.exception_handler(OperationalError)
    def database(request: Request, err: OperationalError) -> Response:
        if str(getattr(err.orig, "sqlstate", "") or "").startswith(LIMIT_EXCEEDED):
            detail = "A value is too long to be stored; shorten it. Limits of the database count bytes."
            return problem(request, 400, "bad-input", "Bad input", detail)
        log.error("the database did not answer: %s", type(err.orig).__name__)
        detail = "The database did not answer, so nothing was recorded. Try again."
        return problem(request, 503, "unavailable", "Not available now", detail)

    @app.exception_handler(Exception)
    def unexpected(request: Request, err: Exception) -> Response:
        log.error("unexpected error", exc_info=err)
        detail = "This is a bug in certrail. The log has the details under this request id."
        return problem(request, 500, "internal-error", "Something went wrong", detail)
