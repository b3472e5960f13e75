"""The one place where a call is let through: every route names the permission it needs."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from certrail.domain.access import AGENT, SCOPED, Permission
from certrail.domain.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from certrail.services.core.actor import Actor, IdempotencyKey
from certrail.services.core.idempotency import AlreadyDone
from certrail.services.facade import Services
from certrail_server.api.browser import session_cookie, signed_in
from certrail_server.api.query import refuse_unknown_parameters
from certrail_server.api.refusals import CallAttempt

T = TypeVar("T")


class _Identified(Protocol):
    id: str


R = TypeVar("R", bound=_Identified)
LONGEST_KEY = 255


@dataclass(frozen=True)
class Call:
    """An authorised call.

    Attributes:
        scope: id of the Application that the path names or the object belongs to; ``None`` for an object that belongs
            to no Application, and for a call about the product.
    """

    actor: Actor
    services: Services
    scope: str | None = None

    @property
    def application(self) -> str:
        """The scope of a call whose path names an Application."""
        assert self.scope is not None
        return self.scope


def _request(services: Services, ident: str) -> str | None:
    return services.requests.get(ident).application_id


def _certificate(services: Services, ident: str) -> str | None:
    return services.inventory.get(ident).application_id


def _delivery(services: Services, ident: str) -> str | None:
    return services.deliveries.get(ident)[1].application_id


def _retirement(services: Services, ident: str) -> str | None:
    return services.retirements.get(ident)[2].application_id


def _approval(services: Services, ident: str) -> str | None:
    return services.approvals.get(ident)[0].application_id


def _revocation(services: Services, ident: str) -> str | None:
    return services.revocation.get(ident).application_id


def _incident(services: Services, ident: str) -> str | None:
    return services.incidents.get(ident).application_id


def _notification(services: Services, ident: str) -> str | None:
    return services.alerts.notification(ident).application_id


OWNER_OF: dict[str, tuple[str, Callable[[Services, str], str | None]]] = {
    "request_id": ("certificate request", _request),
    "certificate_id": ("certificate", _certificate),
    "delivery_id": ("delivery", _delivery),
    "retirement_id": ("retirement", _retirement),
    "approval_id": ("approval request", _approval),
    "revocation_id": ("revocation request", _revocation),
    "incident_id": ("incident", _incident),
    "notification_id": ("notification", _notification),
}
"""Path parameters that name an object: what it is called, and how to find its Application."""
REQUESTER_OF: dict[str, Callable[[Services, str], str | None]] = {
    "request_id": lambda services, ident: services.requests.get(ident).requester_id,
    "certificate_id": lambda services, ident: services.inventory.requester_of(ident),
}
"""Path parameters that name an object of an agent, and how to find whose it is."""


@dataclass(frozen=True)
class Guard:
    """A dependency that authenticates, authorises and hands out the call.

    Attributes:
        creates: what the route makes in an Application, and outside of one no more,
        unless: but with this member of the body being true.
        agents: whether the agent of a host may call the route, about itself, its Application and its own objects. What
            it may request is decided where requests are accepted.
        outside: what is enough where the query asks for what belongs to no Application, ``application=none``.
    """

    permission: Permission
    creates: str = ""
    unless: str = ""
    outside: Permission | None = None
    agents: bool = False

    async def __call__(self, request: Request) -> Call:
        services: Services = request.app.state.services
        idempotent = await _once(request)
        creates = "" if self.unless and await _says(request, self.unless) else self.creates
        call = await run_in_threadpool(self._admit, services, request, idempotent, creates)
        # Only once the caller is known: a stranger is not told which parameters there are.
        refuse_unknown_parameters(request)
        return call

    def _admit(
        self, services: Services, request: Request, idempotent: IdempotencyKey | None, creates: str
    ) -> Call:
        actor = _caller(services, request)
        request.state.attempt = attempt = CallAttempt(actor, self.permission)
        scope = self._scope(services, actor, request, creates)
        request.state.attempt = replace(attempt, admitted=True, application_id=scope)
        return Call(replace(actor, idempotency_key=idempotent), services, scope)

    def _scope(self, services: Services, actor: Actor, request: Request, creates: str) -> str | None:
        """Where the call acts, once it is allowed to."""
        if actor.kind == AGENT:
            return self._scope_of_agent(services, actor, request)
        allow_in = services.principals.authorize_in
        if "application" in request.path_params:
            return allow_in(actor, self.permission, str(request.path_params["application"]))
        for name, (noun, owner) in OWNER_OF.items():
            # Whether a vote counts is decided, and put on record, under the lock of its approval.
            if name in request.path_params and self.permission is not Permission.APPROVAL_VOTE:
                try:
                    return allow_in(actor, self.permission, owner(services, request.path_params[name]))
                except NotFound:
                    # What may not be seen is answered like what is not there, to the letter.
                    raise NotFound(noun) from None
        if creates:
            raise _outside(creates, self.unless)
        if self.unless:
            # What is about all Applications is not for members of the older project to make.
            services.principals.authorize(actor, Permission.PRODUCT_MANAGE)
            return None
        if self.outside and request.query_params.get("application") == "none":
            return allow_in(actor, self.outside, None)
        if self.permission not in SCOPED:
            services.principals.authorize(actor, self.permission)
            return None
        return allow_in(actor, self.permission, None)

    def _scope_of_agent(self, services: Services, actor: Actor, request: Request) -> str | None:
        """Where the call of an agent acts. It has no role: a route that does not say so is closed to it."""
        assert actor.confinement is not None, "an agent is authenticated with its confinement"
        scope, parameters, is_own = actor.confinement.application_id, request.path_params, False
        for name, requester in REQUESTER_OF.items():
            if name in parameters:
                try:
                    is_own = requester(services, parameters[name]) == actor.principal_id
                except NotFound:
                    is_own = False
                if not is_own:
                    raise NotFound(OWNER_OF[name][0]) from None
        if not self.agents:
            raise Forbidden(
                f"An agent requests and reads its own certificates only, without {self.permission!s}."
            )
        if "application" in parameters:
            if scope is None or scope != services.applications.id_of(parameters["application"]):
                raise NotFound("Application")
            return scope
        return scope if is_own else None


def allow(
    permission: Permission,
    *,
    creates: str = "",
    unless: str = "",
    outside: Permission | None = None,
    agents: bool = False,
) -> Any:
    """Declare the permission of a route: ``call: Annotated[Call, allow(Permission.X)]``."""
    return Depends(Guard(permission, creates, unless, outside, agents))


def idempotent(make: Callable[[], T], read: Callable[[str], T]) -> T:
    """Make an object, or read the one that the same call made before."""
    try:
        return make()
    except AlreadyDone as done:
        return read(done.subject_id)


def find_created(rows: Iterable[R], ident: str, noun: str) -> R:
    """What an earlier call made. Raises NotFound when it was deleted since."""
    found = next((row for row in rows if row.id == ident), None)
    if found is None:
        raise NotFound(noun)
    return found


def _caller(services: Services, request: Request) -> Actor:
    """Who calls: the owner of a bearer token, or the user of a browser. Raises Unauthenticated, Forbidden."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return services.tokens.authenticate(token.strip(), request.state.request_id)
    cookie = session_cookie(request)
    if scheme or cookie is None:
        raise Unauthenticated("Give a bearer token in the Authorization header, or sign in.")
    return signed_in(request, services, cookie).actor


def _outside(noun: str, unless: str) -> Conflict:
    endpoint = f"/api/v1/applications/{{application}}/{noun}"
    return Conflict(
        f"New {noun.replace('-', ' ')} belong to an Application: use POST {endpoint}. Those of the older project can"
        " be read, changed and deleted here."
        + (f' With "{unless}": true they are about all Applications, and made here.' if unless else ""),
        kind="legacy-creation",
        endpoint=endpoint,
    )


async def _once(request: Request) -> IdempotencyKey | None:
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None
    if not 1 <= len(key) <= LONGEST_KEY:
        raise BadInput(f"An Idempotency-Key has 1 to {LONGEST_KEY} characters.", "Idempotency-Key")
    call = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return IdempotencyKey(key, hashlib.sha256(call).hexdigest())


async def _says(request: Request, member: str) -> bool:
    """Whether the body is an object with this member being true; what else is wrong with it is said later."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get(member) is True
