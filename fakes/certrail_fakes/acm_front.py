"""The strict front: answers as AWS Certificate Manager documents, and lets moto keep the certificates."""

import hashlib
import io
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from certrail_fakes.acm_auth import Caller, authenticate
from certrail_fakes.acm_rules import (
    LISTED_BY_DEFAULT,
    Lost,
    Refusal,
    check_reimport,
    invalid,
    names,
    read_import,
)
from certrail_fakes.acm_state import HOLD_AFTER, HOLD_BEFORE, Call, State
from certrail_fakes.acm_storage import Storage
from certrail_fakes.aws_service import Service

Body = dict[str, Any]
IN_QUERY = {
    "AccessDeniedException": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "ThrottlingException": "Throttling",
    "UnrecognizedClientException": "InvalidClientTokenId",
}
"""Common error codes where a service speaks the Query protocol."""
_PREFIX = "CertificateManager."
_CREDENTIAL = re.compile(r"<(AccessKeyId|SecretAccessKey|SessionToken)>([^<]+)<")


class AcmFront:
    """A WSGI application that speaks for ACM, and for STS as far as assuming a role goes."""

    def __init__(self, state: State, storage: Storage) -> None:
        self.state = state
        self.storage = storage
        self.services: dict[str, Service] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._one_at_a_time = threading.RLock()
        self._session_tokens: dict[str, str] = {}
        self._special: dict[str, Callable[[Request, Caller, Body], Body]] = {
            "ImportCertificate": self._import,
            "ListCertificates": self._list,
            "GetCertificate": self._get,
            "DescribeCertificate": self._describe,
            "DeleteCertificate": self._delete,
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._answer(request, request.get_data())
        except Lost:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            response = Response(status=500)
        return response(environ, start_response)

    def _answer(self, request: Request, raw: bytes) -> Response:
        target = request.headers.get("X-Amz-Target", "")
        action = target.rpartition(".")[2] or request.form.get("Action", "")
        body = json.loads(raw) if target and raw else {}
        key, outcome = "", "ok"
        try:
            caller = authenticate(request, raw, self.state.settings.credentials)
            key = caller.access_key_id
            self._admit(request, caller, action)
            if service := self.services.get(caller.service):
                return service.answer(request, action, body if target else None, caller)
            if not target.startswith(_PREFIX):
                return self._assume_role(request, raw, action)
            perform = self._special.get(action, self._plain)
            return _json(perform(request, caller, body))
        except Refusal as refusal:
            outcome = refusal.code
            return self._refuse(refusal, as_json=bool(target))
        except Lost:
            outcome = "lost"
            raise
        finally:
            self.state.record(Call(action, outcome, body.get("CertificateArn"), key))

    def _admit(self, request: Request, caller: Caller, action: str) -> None:
        settings, key = self.state.settings, caller.access_key_id
        if key in settings.expired_keys:
            raise Refusal("ExpiredTokenException", "The security token included in the request is expired")
        if request.headers.get("X-Amz-Security-Token") != self._session_tokens.get(key):
            raise Refusal(
                "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        if action in settings.denied_actions:
            who = f"arn:aws:iam::{self.storage.account_id}:user/{key}"
            text = f"User: {who} is not authorized to perform: {caller.service}:{action}"
            raise Refusal("AccessDeniedException", text)
        if self.state.take("fail_next"):
            raise Refusal("InternalFailure", "The service failed for an unknown reason.", 500)
        if self.state.is_throttled():
            raise Refusal("ThrottlingException", "Rate exceeded")

    def _refuse(self, refusal: Refusal, *, as_json: bool) -> Response:
        headers = {}
        if refusal.code == "ThrottlingException" and self.state.settings.retry_after is not None:
            headers["Retry-After"] = str(self.state.settings.retry_after)
        if as_json:
            return _json({"__type": refusal.code, "message": refusal.message}, refusal.status, headers)
        code = IN_QUERY.get(refusal.code, refusal.code)
        error = f"<Error><Code>{code}</Code><Message>{escape(refusal.message)}</Message></Error>"
        return Response(
            f"<ErrorResponse>{error}</ErrorResponse>", refusal.status, headers, mimetype="text/xml"
        )

    def _import(self, request: Request, caller: Caller, body: Body) -> Body:
        now = datetime.fromtimestamp(time.time(), UTC)
        wanted = read_import(body, now, same_algorithm=self.state.settings.same_algorithm)
        if self.state.wait_at_gate(HOLD_BEFORE) and _is_gone(request):
            raise Lost
        with self._one_at_a_time:
            old = self.storage.leaf(caller.region, wanted.arn) if wanted.arn else None
            if old is not None:
                check_reimport(old, wanted.leaf)
            elif not wanted.arn and self.storage.size(caller.region) >= self.state.settings.quota:
                raise Refusal(
                    "LimitExceededException", "You have reached the maximum number of certificates."
                )
            self.state.pass_rate_limit()
            arn = self.storage.store(
                caller.region, wanted, body, lambda: str(self._ask_moto(request, body)["CertificateArn"])
            )
        if self.state.take("lose_answers"):
            raise Lost
        self.state.wait_at_gate(HOLD_AFTER)
        return {"CertificateArn": arn}

    def _list(self, request: Request, caller: Caller, body: Body) -> Body:
        includes = dict(body.get("Includes") or {})
        by_default = not includes.get("keyTypes")
        includes["keyTypes"] = includes.get("keyTypes") or list(LISTED_BY_DEFAULT)
        asked = {k: v for k, v in body.items() if k not in ("MaxItems", "NextToken")} | {"Includes": includes}
        found = self._ask_moto(request, asked)["CertificateSummaryList"]
        for summary in found:
            self._complete(summary, caller.region)
        if by_default:
            found = [summary for summary in found if summary["SubjectAlternativeNameSummaries"]]
        return self._page(found, body, _mark(asked))

    def _complete(self, summary: Body, region: str) -> None:
        leaf = self.storage.leaf(region, summary["CertificateArn"])
        domains = sorted(names(leaf)) if leaf else []
        summary["SubjectAlternativeNameSummaries"] = domains[:100]
        summary["HasAdditionalSubjectAlternativeNames"] = len(domains) > 100
        summary["InUse"] = summary["CertificateArn"] in self.state.settings.in_use

    def _page(self, found: list[Body], body: Body, mark: str) -> Body:
        size = body.get("MaxItems") or self.state.settings.page_size
        if not 1 <= size <= 1000:
            raise invalid("MaxItems must be between 1 and 1000.")
        start, _, of = str(body.get("NextToken") or f"0.{mark}").partition(".")
        if of != mark or not start.isdigit():
            raise invalid("The NextToken does not belong to this request.")
        end = int(start) + size
        page: Body = {"CertificateSummaryList": found[int(start) : end]}
        return page | ({"NextToken": f"{end}.{mark}"} if end < len(found) else {})

    def _get(self, request: Request, caller: Caller, body: Body) -> Body:
        answer = self._ask_moto(request, body)
        answer.pop("CertificateChain", None)
        chain = self.storage.chain(body["CertificateArn"])
        return answer | ({"CertificateChain": chain} if chain else {})

    def _describe(self, request: Request, caller: Caller, body: Body) -> Body:
        answer = self._ask_moto(request, body)
        arn = body["CertificateArn"]
        answer["Certificate"]["InUseBy"] = self._users(arn)
        leaf = self.storage.leaf(caller.region, arn)
        if leaf is not None:
            digits = leaf.serial_number.to_bytes((leaf.serial_number.bit_length() + 7) // 8, "big")
            answer["Certificate"]["Serial"] = digits.hex(":")
        return answer

    def _delete(self, request: Request, caller: Caller, body: Body) -> Body:
        arn = body.get("CertificateArn", "")
        if self._users(arn):
            text = f"Certificate {arn} in account {self.storage.account_id} is in use."
            raise Refusal("ResourceInUseException", text)
        return self._ask_moto(request, body)

    def _users(self, arn: str) -> list[str]:
        users = list(self.state.settings.in_use.get(arn, []))
        return users + [user for service in self.services.values() for user in service.users_of(arn)]

    def _plain(self, request: Request, caller: Caller, body: Body) -> Body:
        return self._ask_moto(request, body)

    def _ask_moto(self, request: Request, body: Body) -> Body:
        status, text = self._forward(request, json.dumps(body).encode())
        answer: Body = json.loads(text or b"{}")
        if status >= 400:
            code = str(answer.get("__type", "InternalFailure")).rpartition("#")[2]
            raise Refusal(code, str(answer.get("message") or answer.get("Message")), status)
        return answer

    def _assume_role(self, request: Request, raw: bytes, action: str) -> Response:
        if action != "AssumeRole":
            raise Refusal("UnknownOperationException", f"This stand-in does not know {action!r}.")
        status, text = self._forward(request, raw)
        issued = dict(_CREDENTIAL.findall(text.decode()))
        self.state.settings.credentials[issued["AccessKeyId"]] = issued["SecretAccessKey"]
        self._session_tokens[issued["AccessKeyId"]] = issued["SessionToken"]
        return Response(text, status, mimetype="text/xml")

    def _forward(self, request: Request, raw: bytes) -> tuple[int, bytes]:
        # The account is the server's own, so that two stand-ins in one process share nothing.
        environ = dict(request.environ) | {
            "wsgi.input": io.BytesIO(raw),
            "CONTENT_LENGTH": str(len(raw)),
            "HTTP_X_MOTO_ACCOUNT_ID": self.storage.account_id,
        }
        environ = {key: value for key, value in environ.items() if not key.startswith("werkzeug.request")}
        with self._one_at_a_time:
            chunks, status, _ = run_wsgi_app(self._moto, environ, buffered=True)
        return int(status.split()[0]), b"".join(chunks)


def _json(value: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    known = {"x-amzn-RequestId": str(uuid.UUID(bytes=os.urandom(16)))}
    return Response(
        json.dumps(value), status, known | dict(headers or {}), mimetype="application/x-amz-json-1.1"
    )


def _mark(asked: Body) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _is_gone(request: Request) -> bool:
    connection = request.environ["werkzeug.socket"]
    try:
        return not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
