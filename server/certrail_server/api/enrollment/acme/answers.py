"""Documents that the ACME server answers with (RFC 8555 section 7.1), and its problems."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from certrail.domain.acme import AcmeProblem, AuthorizationStatus, OrderStatus, Subproblem
from certrail.domain.enrollment import ChallengeType
from certrail.persistence.tables import AcmeAccount, AcmeAuthorization, AcmeChallenge
from certrail.services.enrollment.acme.authorizations import AuthorizationView
from certrail.services.enrollment.acme.orders import OrderView
from certrail.services.enrollment.acme.renewal_info import RenewalInfo
from certrail_server.api.enrollment.acme.urls import Urls

URN = "urn:ietf:params:acme:error:"
PROBLEM = "application/problem+json"
Json = dict[str, Any]


def answered(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON document."""
    return Response(json.dumps(document), status, dict(headers or {}), media_type="application/json")


def problem(refusal: AcmeProblem, urls: Urls | None = None) -> Response:
    """A problem document (RFC 8555 section 6.7)."""
    headers = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if refusal.location is not None and urls is not None:
        headers["Location"] = urls.account(refusal.location)
    body = {
        **refusal.extra,
        "type": URN + refusal.kind,
        "detail": refusal.detail,
        "status": refusal.status,
        **(
            {"subproblems": [_subproblem(each) for each in refusal.subproblems]}
            if refusal.subproblems
            else {}
        ),
    }
    return Response(json.dumps(body), refusal.status, headers, media_type=PROBLEM)


def _subproblem(part: Subproblem) -> Json:
    return {"type": URN + part.kind, "detail": part.detail, "identifier": part.identifier.document()}


def account(row: AcmeAccount, urls: Urls) -> Json:
    """An account."""
    return {"status": row.status, "contact": row.contacts, "orders": f"{urls.account(row.id)}/orders"}


def order(view: OrderView, urls: Urls) -> Json:
    """An order."""
    row = view.row
    found: Json = {
        "status": view.status,
        "expires": _time(row.expires_at),
        "identifiers": row.identifiers,
        "authorizations": [urls.authorization(ident) for ident in view.authorization_ids],
        "finalize": urls.order(row.id, "finalize"),
    }
    if row.replaces is not None:
        found["replaces"] = row.replaces
    if view.status is OrderStatus.VALID:
        found["certificate"] = urls.order(row.id, "certificate")
    if view.error is not None:
        found["error"] = {**view.error, "type": URN + view.error["type"]}
    return found


def order_headers(view: OrderView, urls: Urls) -> dict[str, str]:
    """Where an order is, and when to ask again."""
    headers = {"Location": urls.order(view.row.id)}
    if view.retry_after is not None:
        headers["Retry-After"] = str(view.retry_after)
    return headers


def authorization(view: AuthorizationView, urls: Urls, issuers: Sequence[str] = ()) -> Json:
    """An authorization with its challenges; of a decided one only the challenge that decided (section 7.1.4)."""
    row: AcmeAuthorization = view.row
    shown = view.challenges
    if view.status is not AuthorizationStatus.PENDING:
        shown = [each for each in shown if each.status in ("valid", "invalid")]
    return {
        "identifier": {"type": row.type, "value": row.value},
        "status": view.status,
        "expires": _time(row.expires_at),
        "challenges": [challenge(each, urls, issuers) for each in shown],
        **({"wildcard": True} if row.wildcard else {}),
    }


def challenge(row: AcmeChallenge, urls: Urls, issuers: Sequence[str] = ()) -> Json:
    """A challenge; that of a lasting record has no token, but the names of the issuer."""
    found: Json = {"type": row.type, "url": urls.challenge(row.id), "status": row.status}
    if row.type == ChallengeType.DNS_PERSIST:
        found["issuerDomainNames"] = list(issuers)
    else:
        found["token"] = row.token
    if row.validated_at is not None:
        found["validated"] = _time(row.validated_at)
    if row.error is not None:
        found["error"] = {"type": URN + row.error["type"], "detail": row.error["detail"]}
    return found


def renewal_info(info: RenewalInfo) -> Response:
    """The suggested window of a certificate (RFC 9773 section 4.2)."""
    window = {"start": _time(info.begins), "end": _time(info.ends)}
    headers = {"Retry-After": str(info.retry_after)}
    return answered({"suggestedWindow": window}, 200, headers)


def _time(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
