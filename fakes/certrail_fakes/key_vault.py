"""A stand-in for Azure Key Vault and its token endpoint: TLS, challenges, versions, soft delete, throttling."""

import json
import re
import sys
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from certrail_fakes.key_vault_content import BadContent, bundle_of
from certrail_fakes.tls import ThrowAwayCa

Json = dict[str, Any]
NAME = r"([0-9a-zA-Z-]{1,127})"
NOT_FOUND = (
    "A certificate with (name/id) {} was not found in this key vault. If you recently deleted this certificate "
    "you may be able to recover it using the correct recovery command."
)
DELETED = (
    "Certificate {} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
    "state, the certificate can only be recovered or purged."
)
BEING_DELETED = "Certificate is currently being deleted."
BEING_RECOVERED = "Certificate {} is currently being recovered and cannot be re-created; retry later."
RECOVERY_CONFLICT = "There was a conflict while recovering the soft-deleted certificate {}."
PAGE = 25


@dataclass
class Vault:
    """What the vault holds, and how it behaves."""

    versions: dict[str, list[Json]] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)
    deleted: dict[str, list[Json]] = field(default_factory=dict)
    settling: set[str] = field(default_factory=set)
    recovering: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    throttle_next: int = 0
    no_tokens: int | None = None
    retry_after: int = 30
    cut_after_import: int = 0
    forbidden: str | None = None
    settle_slowly: bool = False
    hold: str | None = None
    calls: list[str] = field(default_factory=list)


class Answer(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str, inner: str = "", **headers: str) -> None:
        super().__init__(message)
        error: Json = {"code": code, "message": message}
        self.body: Json = {"error": {**error, **({"innererror": {"code": inner}} if inner else {})}}
        self.status, self.headers = status, {k.replace("_", "-"): v for k, v in headers.items()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed while we answer is part of the tests; our own faults are not."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class KeyVaultServer:
    """One vault with one application that may use it."""

    tenant_id = "11111111-2222-3333-4444-555555555555"
    client_id = "66666666-7777-8888-9999-000000000000"

    def __init__(self, port: int = 0) -> None:
        self.client_secret = f"vault-{uuid.uuid4().hex}"
        self.vault = Vault()
        self._ca = ThrowAwayCa()
        self._lock = threading.Lock()
        self._held, self._released = threading.Event(), threading.Event()
        self._http = _Server(("127.0.0.1", port), self._handler())
        context = self._ca.server_context("127.0.0.1")
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(
            target=self._http.serve_forever, name="key-vault-standin", daemon=True
        )

    @property
    def ca_file(self) -> str:
        """The only CA that vouches for this server."""
        return self._ca.ca_file

    def versions(self, name: str) -> list[Json]:
        """Every version of a certificate, oldest first."""
        return self.vault.versions.get(name, [])

    def settle(self) -> None:
        """Let deletions and recoveries come to their end."""
        self.vault.settling.clear()
        self.appear()
        self.vault.recovering.clear()

    def appear(self) -> None:
        """Let what is being recovered be read; its name takes nothing new until it has settled."""
        for name in self.vault.recovering & self.vault.deleted.keys():
            self.vault.versions[name] = self.vault.deleted.pop(name)

    def hold(self, call: str) -> None:
        """Hold a call such as ``GET /certificates/web`` before it is carried out."""
        self._held.clear()
        self._released.clear()
        self.vault.hold = call

    def wait_until_held(self, timeout: float = 60) -> bool:
        """Wait until the call stands at the gate."""
        return self._held.wait(timeout)

    def release(self) -> None:
        """Open the gate."""
        self.vault.hold = None
        self._released.set()

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, Json | None]:
        """One call. Raises Answer, or ConnectionAbortedError to hang up after the work was done."""
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.endswith("/.well-known/openid-configuration"):
            return 200, self._endpoints()
        if url.path.endswith("/oauth2/v2.0/token"):
            return 200, self._token(body)
        self._authorise(headers)
        if "api-version" not in query:
            raise Answer(400, "BadParameter", "Method does not allow an empty API version")
        path = url.path.rstrip("/")
        if self.vault.hold == f"{method} {path}":
            self._held.set()
            self._released.wait()
        with self._lock:
            return self._route(method, path, query, json.loads(body or b"{}"))

    def _endpoints(self) -> Json:
        base = f"{self.url}/{self.tenant_id}"
        return {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
            "jwks_uri": f"{self.url}/keys",
        }

    def _token(self, body: bytes) -> Json:
        if self.vault.no_tokens:
            raise _no_token(self.vault.no_tokens, "temporarily_unavailable", "AADSTS90033: Try again later.")
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            raise _no_token(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        token = uuid.uuid4().hex
        self.vault.tokens.add(token)
        return {"token_type": "Bearer", "expires_in": 3600, "access_token": token}

    def _authorise(self, headers: Any) -> None:
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in self.vault.tokens:
            resource = "https://" + headers["Host"].split(".", 1)[1]
            challenge = f'Bearer authorization="{self.url}/{self.tenant_id}", resource="{resource}"'
            message = "AKV10000: Request is missing a Bearer or PoP token."
            raise Answer(401, "Unauthorized", message, WWW_Authenticate=challenge)
        if self.vault.forbidden:
            raise Answer(403, "Forbidden", "The caller is not allowed to do this.", self.vault.forbidden)
        if self.vault.throttle_next > 0:
            self.vault.throttle_next -= 1
            after = str(self.vault.retry_after)
            raise Answer(429, "Throttled", "Too many requests were received.", Retry_After=after)

    def _route(self, method: str, path: str, query: Json, body: Json) -> tuple[int, Json | None]:
        self.vault.calls.append(f"{method} {path}")
        if method == "POST" and (match := re.fullmatch(rf"/certificates/{NAME}/import", path)):
            return self._import(match[1], body)
        if method == "GET" and (match := re.fullmatch(rf"/certificates/{NAME}/versions", path)):
            return 200, self._page(path, [_item(b) for b in self.versions(match[1])], query)
        if method == "GET" and path == "/certificates":
            return 200, self._page(path, [_item(v[-1], False) for v in self.vault.versions.values()], query)
        if match := re.fullmatch(rf"/certificates/{NAME}(?:/([0-9a-f]{{32}}))?", path):
            return self._certificate(method, match[1], match[2], body)
        if match := re.fullmatch(rf"/secrets/{NAME}(?:/([0-9a-f]{{32}}))?", path):
            return 200, self.vault.secrets[self._find(match[1], match[2])["sid"]]
        if match := re.fullmatch(rf"/deletedcertificates/{NAME}(/recover)?", path):
            return self._deleted(method, match[1], bool(match[2]))
        raise Answer(404, "NotFound", f"{method} {path} is not served here")

    def _find(self, name: str, version: str | None) -> Json:
        for bundle in reversed(self.versions(name)):
            if version is None or bundle["id"].endswith(version):
                return bundle
        raise Answer(404, "CertificateNotFound", NOT_FOUND.format(name))

    def _certificate(self, method: str, name: str, version: str | None, body: Json) -> tuple[int, Json]:
        bundle = self._find(name, version)
        if method == "PATCH":
            bundle["attributes"].update(body.get("attributes", {}))
            if "tags" in body:
                bundle["tags"] = body["tags"]
        if method == "DELETE":
            self._refuse_recovering(name)
            self.vault.deleted[name] = self.vault.versions.pop(name)
            if self.vault.settle_slowly:
                self.vault.settling.add(name)
            return 200, self._tombstone(name)
        return 200, bundle

    def _tombstone(self, name: str) -> Json:
        now = int(time.time())
        recovery = {"recoveryId": f"{self.url}/deletedcertificates/{name}", "deletedDate": now}
        return {**self.vault.deleted[name][-1], **recovery, "scheduledPurgeDate": now + 7 * 86400}

    def _refuse_recovering(self, name: str) -> None:
        if name in self.vault.recovering:
            raise Answer(409, "Conflict", BEING_RECOVERED.format(name), "ObjectIsBeingRecovered")

    def _deleted(self, method: str, name: str, recover: bool) -> tuple[int, Json | None]:
        if recover and name in self.vault.recovering:
            raise Answer(409, "Conflict", RECOVERY_CONFLICT.format(name))
        if name not in self.vault.deleted or (method == "GET" and name in self.vault.settling):
            raise Answer(404, "CertificateNotFound", f"Deleted Certificate not found: {name}")
        if name in self.vault.settling:
            raise Answer(409, "Conflict", BEING_DELETED, "ObjectIsBeingDeleted")
        if recover:
            newest = self.vault.deleted[name][-1]
            self.vault.recovering.add(name)
            if not self.vault.settle_slowly:
                self.settle()
            return 200, newest
        if method == "DELETE":
            self._refuse_recovering(name)
            del self.vault.deleted[name]
            return 204, None
        return 200, self._tombstone(name)

    def _import(self, name: str, body: Json) -> tuple[int, Json]:
        self._refuse_recovering(name)
        if name in self.vault.deleted:
            if name in self.vault.settling:
                raise Answer(409, "Conflict", BEING_DELETED, "ObjectIsBeingDeleted")
            raise Answer(409, "Conflict", DELETED.format(name), "ObjectIsDeletedButRecoverable")
        try:
            bundle, secret = bundle_of(self.url, name, body)
        except BadContent as problem:
            raise Answer(400, "BadParameter", str(problem)) from None
        self.vault.versions.setdefault(name, []).append(bundle)
        self.vault.secrets[bundle["sid"]] = secret
        if self.vault.cut_after_import > 0:
            self.vault.cut_after_import -= 1
            raise ConnectionAbortedError
        return 200, bundle

    def _page(self, path: str, items: list[Json], query: Json) -> Json:
        size, start = int(query.get("maxresults", PAGE)), int(query.get("$skiptoken", 0))
        following = None
        if start + size < len(items):
            rest = urllib.parse.urlencode(
                {"api-version": query["api-version"], "$skiptoken": start + size, "maxresults": size}
            )
            following = f"{self.url}{path}?{rest}"
        return {"value": items[start : start + size], "nextLink": following}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                return

            def serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers: dict[str, str] = {}
                try:
                    status, answer = server.answer(self.command, self.path, self.headers, body)
                except Answer as problem:
                    status, answer, headers = problem.status, problem.body, problem.headers
                except ConnectionAbortedError:
                    self.close_connection = True
                    return
                raw = json.dumps(answer).encode() if answer is not None else b""
                self.send_response(status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(raw)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PATCH = do_DELETE = serve

        return Handler


def _no_token(status: int, code: str, description: str) -> Answer:
    refusal = Answer(status, code, description)
    refusal.body = {"error": code, "error_description": description}
    return refusal


def _item(bundle: Json, with_version: bool = True) -> Json:
    ident = bundle["id"] if with_version else bundle["id"].rsplit("/", 1)[0]
    item = {"id": ident, "x5t": bundle["x5t"], "attributes": bundle["attributes"], "subject": ""}
    return {**item, **({"tags": bundle["tags"]} if bundle.get("tags") else {})}
