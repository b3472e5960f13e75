"""A fake for the API server of Kubernetes, for Secrets: server-side apply, managed fields, preconditions, RBAC."""

import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from certrail_fakes.http_api import Call, HttpApi, Json, Refused

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
"""RFC 1123 subdomain, as `metadata.name` has to be."""
SECRETS = re.compile(r"/api/v1/namespaces/([^/]+)/secrets(?:/([^/]+))?")
APPLY = "application/apply-patch+yaml"
MERGE = ("application/merge-patch+json", "application/strategic-merge-patch+json")
LARGEST = 1024 * 1024
"""Bytes that the values of a Secret may have together."""
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
OWNED = ("data", "labels", "annotations", "type", "immutable")
Path = tuple[str, ...]
Owner = tuple[str, str]
"""Name and operation: `Apply` or `Update`."""


@dataclass
class Stored:
    """A Secret, with the fields that each manager owns."""

    document: Json
    owners: dict[Owner, set[Path]] = field(default_factory=dict)


@dataclass
class KubernetesApi(HttpApi):
    """Two namespaces, and accounts with a token each that may use verbs on Secrets in some of them.

    Attributes:
        grants: by token, then by namespace: the verbs that a Role gives (RBAC).
        secrets: by namespace and name.
    """

    token = "kubernetes-token-of-the-tests"
    admin = "kubernetes-token-of-an-admin"
    namespaces = ("web", "other")
    grants: dict[str, dict[str, set[str]]] = field(init=False)
    secrets: dict[tuple[str, str], Stored] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._version = 1000
        self.grants = {
            self.token: {name: {"get", "create", "patch", "delete"} for name in self.namespaces},
            self.admin: {name: set(VERBS.values()) for name in (*self.namespaces, "missing")},
        }

    def answer(self, call: Call) -> tuple[int, Json]:
        """One call of the API of core/v1 Secrets; all else is not found."""
        account = next((each for each in self.grants if _same(call, each)), None)
        if account is None:
            raise _refused(401, "Unauthorized", "Unauthorized")
        if not (found := SECRETS.fullmatch(call.path)):
            raise _refused(404, "NotFound", "the server could not find the requested resource")
        namespace, name = found[1], found[2] or ""
        asked = {VERBS[call.method]}
        if call.method == "PATCH" and (namespace, name) not in self.secrets:
            asked.add("create")  # an apply may make the object
        for verb in sorted(asked - self.grants[account].get(namespace, set())):
            message = f'secrets "{name}" is forbidden: User "tests" cannot {verb} resource "secrets" in API group "" '
            raise _refused(403, "Forbidden", f'{message}in the namespace "{namespace}"')
        if self.busy:  # priority and fairness
            message = "too many requests, please try again later"
            raise _refused(429, "TooManyRequests", message, {"Retry-After": "1"})
        if call.method != "GET" and namespace not in self.namespaces:
            raise _refused(404, "NotFound", f'namespaces "{namespace}" not found')
        return self._served(call, namespace, name)

    def _served(self, call: Call, namespace: str, name: str) -> tuple[int, Json]:
        stored = self.secrets.get((namespace, name))
        if call.method == "POST":
            return 201, self._created(call, namespace)
        if call.method == "PATCH" and call.headers.get("content-type") == APPLY:
            return (200 if stored else 201), self._applied(call, namespace, name, stored)
        if stored is None:
            raise _refused(404, "NotFound", f'secrets "{name}" not found')
        if call.method == "DELETE":
            self._check_preconditions(call, name, stored)
            del self.secrets[namespace, name]
            return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success", "metadata": {}}
        if call.method == "PATCH" and call.headers.get("content-type") not in MERGE:
            message = "the body of the request was in an unknown format"
            raise _refused(415, "UnsupportedMediaType", message)
        if call.method in ("PUT", "PATCH"):
            return 200, self._updated(call, namespace, name, stored)
        return 200, _shown(stored)

    def _applied(self, call: Call, namespace: str, name: str, stored: Stored | None) -> Json:
        """Server-side apply: refuse what another manager owns with another value, merge the rest, give up what left."""
        manager, body = call.query.get("fieldManager", ""), self._read(call, namespace, name)
        if not manager:
            message = "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch"
            raise _refused(422, "Invalid", message)
        if (body.get("metadata") or {}).get("managedFields"):
            raise _refused(400, "BadRequest", "metadata.managedFields must be nil")
        before = stored or Stored(_new(namespace, name))
        self._check_version(body, name, stored)
        own, wanted, present = (manager, "Apply"), _fields(body), _fields(before.document)
        conflicts = {
            (owner, path)
            for owner, paths in before.owners.items()
            for path in paths & wanted.keys()
            if owner != own and present.get(path) != wanted[path]
        }
        if conflicts and call.query.get("force") != "true":
            raise _conflicting(conflicts)
        after = deepcopy(before)
        others = set().union(*(paths for owner, paths in before.owners.items() if owner != own))
        for path in before.owners.get(own, set()) - wanted.keys() - others:
            _set(after.document, path, None)
        for path, value in wanted.items():
            _set(after.document, path, value)
        for owner, path in conflicts:
            after.owners[owner].discard(path)
        after.owners[own] = set(wanted)
        return self._kept(call, namespace, name, before, after)

    def _updated(self, call: Call, namespace: str, name: str, stored: Stored) -> Json:
        """PUT or a merge patch: whoever changes a field owns it from then on."""
        manager = call.query.get("fieldManager") or "unknown"
        body = call.document if call.method == "PATCH" else self._read(call, namespace, name)
        self._check_version(body, name, stored)
        after, wanted, present = deepcopy(stored), _fields(body), _fields(stored.document)
        if call.method == "PUT":
            for path in present.keys() - wanted.keys():
                _set(after.document, path, None)
        changed = {path for path, value in wanted.items() if present.get(path) != value}
        for path in changed:
            _set(after.document, path, wanted[path])
        after.owners = {owner: paths - changed for owner, paths in after.owners.items()}
        if changed:
            after.owners.setdefault((manager, "Update"), set()).update(changed)
        return self._kept(call, namespace, name, stored, after)

    def _created(self, call: Call, namespace: str) -> Json:
        name = str((call.document.get("metadata") or {}).get("name"))
        if (namespace, name) in self.secrets:
            raise _refused(409, "AlreadyExists", f'secrets "{name}" already exists')
        body = self._read(call, namespace, name)
        made = Stored(_new(namespace, name))
        for path, value in _fields(body).items():
            _set(made.document, path, value)
        owner = (call.query.get("fieldManager") or "unknown", "Update")
        made.owners[owner] = set(_fields(body))
        return self._kept(call, namespace, name, Stored(_new(namespace, name)), made)

    def _kept(self, call: Call, namespace: str, name: str, before: Stored, after: Stored) -> Json:
        """Validate, and store what differs: what is the same keeps its version."""
        _validate(name, before.document, after.document)
        after.owners = {owner: paths for owner, paths in after.owners.items() if paths}
        known = (namespace, name) in self.secrets
        if not known or after.document != before.document or after.owners != before.owners:
            self._version += 1
            after.document["metadata"]["resourceVersion"] = str(self._version)
        if call.query.get("dryRun") != "All":
            self.secrets[namespace, name] = after
        return _shown(after)

    def _read(self, call: Call, namespace: str, name: str) -> Json:
        try:
            body = call.document
        except ValueError:
            raise _refused(400, "BadRequest", "error decoding patch") from None
        meta = body.get("metadata") or {}
        kind = (body.get("apiVersion"), body.get("kind"))
        if (
            kind != ("v1", "Secret")
            or meta.get("namespace", namespace) != namespace
            or meta.get("name") != name
        ):
            raise _refused(400, "BadRequest", "the object provided does not match that of the URL")
        return body

    def _check_version(self, body: Json, name: str, stored: Stored | None) -> None:
        meta = body.get("metadata") or {}
        given = {part: meta[part] for part in ("resourceVersion", "uid") if meta.get(part)}
        present = stored.document["metadata"] if stored else {}
        if any(present.get(part) != value for part, value in given.items()):
            raise _modified(name)

    def _check_preconditions(self, call: Call, name: str, stored: Stored) -> None:
        given = (call.document if call.body else {}).get("preconditions") or {}
        if any(stored.document["metadata"][part] != value for part, value in given.items()):
            raise _modified(name)


def _new(namespace: str, name: str) -> Json:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"name": name, "namespace": namespace, "uid": str(uuid.uuid4()), "creationTimestamp": now}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": metadata}


def _same(call: Call, token: str) -> bool:
    return hmac.compare_digest(call.headers.get("authorization", "").encode(), f"Bearer {token}".encode())


def _fields(document: Json) -> dict[Path, Any]:
    """The fields that managers own, each by its path."""
    metadata = document.get("metadata") or {}
    found: dict[Path, Any] = {}
    for part in OWNED:
        value = document.get(part) if part not in ("labels", "annotations") else metadata.get(part)
        if isinstance(value, Mapping):
            found |= {(part, key): each for key, each in value.items()}
        elif value is not None:
            found[part,] = value
    plain = document.get("stringData") or {}
    return found | {("data", key): base64.b64encode(value.encode()).decode() for key, value in plain.items()}


def _set(document: Json, path: Path, value: Any) -> None:
    holder = document["metadata"] if path[0] in ("labels", "annotations") else document
    if len(path) == 2:
        holder = holder.setdefault(path[0], {})
    if value is None:
        holder.pop(path[-1], None)
    else:
        holder[path[-1]] = value


def _validate(name: str, before: Json, after: Json) -> None:
    data, wrong = after.get("data") or {}, ""
    after.setdefault("type", "Opaque")
    try:
        size = sum(len(base64.b64decode(value, validate=True)) for value in data.values())
    except (binascii.Error, ValueError, TypeError):
        raise _refused(400, "BadRequest", "illegal base64 data") from None
    if len(name) > 253 or not NAME.fullmatch(name):
        wrong = "metadata.name: Invalid value: a lowercase RFC 1123 subdomain must start and end with an alphanumeric"
    elif size > LARGEST:
        wrong = f"data: Too long: may not be more than {LARGEST} bytes"
    elif after["type"] == "kubernetes.io/tls" and not {"tls.crt", "tls.key"} <= data.keys():
        wrong = "data[tls.crt]: Required value"
    elif before.get("type", after["type"]) != after["type"]:
        wrong = "type: Invalid value: field is immutable"
    elif before.get("immutable") and (before.get("data") != after.get("data") or not after.get("immutable")):
        wrong = "data: Forbidden: field is immutable when `immutable` is set"
    if wrong:
        raise _refused(422, "Invalid", f'Secret "{name}" is invalid: {wrong}')


def _shown(stored: Stored) -> Json:
    """The document with `metadata.managedFields`, as the API shows it."""
    document = deepcopy(stored.document)
    document["metadata"]["managedFields"] = [
        {
            "manager": manager,
            "operation": operation,
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(paths),
        }
        for (manager, operation), paths in sorted(stored.owners.items())
    ]
    return document


def _tree(paths: set[Path]) -> Json:
    tree: Json = {}
    for path in sorted(paths):
        within = tree.setdefault("f:metadata", {}) if path[0] in ("labels", "annotations") else tree
        for part in path:
            within = within.setdefault(f"f:{part}", {})
    return tree


def _modified(name: str) -> Refused:
    message = (
        f'Operation cannot be fulfilled on secrets "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return _refused(409, "Conflict", message)


def _conflicting(conflicts: set[tuple[Owner, Path]]) -> Refused:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{owner[0]}" using v1',
            "field": _dotted(path),
        }
        for owner, path in sorted(conflicts)
    ]
    many = "s" if len(causes) > 1 else ""
    said = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    refusal = _refused(409, "Conflict", f"Apply failed with {len(causes)} conflict{many}: {said}")
    refusal.document["details"] = {"causes": causes}
    return refusal


def _dotted(path: Path) -> str:
    return "." + ".".join(("metadata", *path) if path[0] in ("labels", "annotations") else path)


def _refused(status: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    """A `Status` document: meta/v1."""
    document = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return Refused(status, {**document, "message": message, "reason": reason, "code": status}, headers)
