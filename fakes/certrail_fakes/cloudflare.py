"""A fake of Cloudflare's API, version 4, for the custom certificates of zones."""

import hmac
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certrail_fakes.http_api import Call, HttpApi, Json, Refused

PATH = re.compile(r"/client/v4/zones/([0-9a-f]{32})/custom_certificates(?:/([0-9a-f]{32}))?")
FIELDS = {"certificate", "private_key", "bundle_method", "type", "geo_restrictions", "policy", "deploy"}
EDITABLE = FIELDS - {"type"}
METHODS = ("ubiquitous", "optimal", "force")
TYPES = ("legacy_custom", "sni_custom")
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class CloudflareApi(HttpApi):
    """Two zones that one token may edit, with a quota each.

    Attributes:
        certificates: by zone and id: what the API shows.
        content: by id: certificate and key as they were uploaded; never shown.
        quota: custom certificates that a zone may have.
    """

    token = "cloudflare-token-of-the-tests"
    zones = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")
    certificates: dict[str, dict[str, Json]] = field(init=False)
    content: dict[str, str] = field(default_factory=dict, init=False)
    quota: int = field(default=1000, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.certificates = {zone: {} for zone in self.zones}
        self._ticks = count()

    @property
    def api(self) -> str:
        """The base of all calls."""
        return f"{self.url}/client/v4"

    def answer(self, call: Call) -> tuple[int, Json]:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not re.fullmatch(r"[A-Za-z0-9_-]{16,}", token):
            raise _refused(400, 6003, "Invalid request headers")
        if not hmac.compare_digest(token, self.token):
            raise _refused(403, 9109, "Invalid access token")
        if self.busy:
            message = "Please wait and consider throttling your request speed"
            raise _refused(429, 971, message, {"Retry-After": "30"})
        found = PATH.fullmatch(call.path)
        if not found:
            raise _refused(
                404, 7003, "Could not route to the path, perhaps your object identifier is invalid?"
            )
        if found[1] not in self.zones:
            raise _refused(403, 10000, "Authentication error")
        known = self.certificates[found[1]]
        if found[2] and found[2] not in known:
            raise _refused(404, 1404, "The custom certificate was not found")
        if not found[2]:
            return (
                (200, self._listed(call, known))
                if call.method == "GET"
                else (200, self._made(call, found[1]))
            )
        if call.method == "PATCH":
            return 200, self._edited(call, found[1], found[2])
        if call.method == "DELETE":
            self.content.pop(found[2])
            return 200, _result({"id": known.pop(found[2])["id"]})
        return 200, _result(known[found[2]])

    def _listed(self, call: Call, known: Mapping[str, Json]) -> Json:
        page, size = int(call.query.get("page", "1")), int(call.query.get("per_page", "20"))
        if page < 1 or not 5 <= size <= 50:
            raise _refused(400, 1400, "page and per_page are out of range")
        shown = list(known.values())[(page - 1) * size : page * size]
        return _result(shown) | {"result_info": {"page": page, "per_page": size, "total_count": len(known)}}

    def _made(self, call: Call, zone: str) -> Json:
        values = _read(call, FIELDS)
        if len(self.certificates[zone]) >= self.quota:
            raise _refused(400, 1413, "The zone has as many custom certificates as its plan allows")
        ident, kind = uuid.uuid4().hex, values.get("type", "legacy_custom")
        if kind not in TYPES:
            raise _refused(400, 1400, "type has to be legacy_custom or sni_custom")
        return self._kept(
            zone, ident, values, {"id": ident, "zone_id": zone, "type": kind, "uploaded_on": self._now()}
        )

    def _edited(self, call: Call, zone: str, ident: str) -> Json:
        values, former = _read(call, EDITABLE), dict(self.certificates[zone][ident])
        if former["type"] == "sni_custom":  # the former one is deleted, and another id made
            made = self._kept(
                zone, new := uuid.uuid4().hex, values, former | {"id": new, "uploaded_on": self._now()}
            )
            self.content.pop(ident)
            del self.certificates[zone][ident]
            return made
        return self._kept(zone, ident, values, former)

    def _kept(self, zone: str, ident: str, values: Json, shown: Json) -> Json:
        leaf, hosts = _checked(values)
        self.content[ident] = values["certificate"] + values["private_key"]
        self.certificates[zone][ident] = shown | {
            "hosts": hosts,
            "issuer": leaf.issuer.rfc4514_string(),
            "signature": "ECDSAWithSHA256",
            "status": "active",
            "bundle_method": values.get("bundle_method", "ubiquitous"),
            "expires_on": leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "modified_on": self._now(),
            "priority": 1,
        }
        return _result(self.certificates[zone][ident])

    def _now(self) -> str:
        """Another microsecond at every change."""
        return (STARTED + timedelta(microseconds=next(self._ticks))).isoformat()


def _read(call: Call, allowed: set[str]) -> Json:
    try:
        values = call.document
    except ValueError:
        raise _refused(400, 1400, "Unable to decode the JSON request body") from None
    if unknown := values.keys() - allowed:
        raise _refused(400, 1400, f"unknown field {min(unknown)}")
    if not {"certificate", "private_key"} <= values.keys() or values.get("bundle_method") not in (
        None,
        *METHODS,
    ):
        raise _refused(400, 1400, "certificate, private_key and a known bundle_method are needed")
    return values


def _checked(values: Json) -> tuple[x509.Certificate, list[str]]:
    try:
        leaf = x509.load_pem_x509_certificates(values["certificate"].encode())[0]
        key = load_pem_private_key(values["private_key"].encode(), None)
    except ValueError:
        raise _refused(400, 1411, "The certificate or the private key cannot be read") from None
    if leaf.public_key() != key.public_key():
        raise _refused(400, 1412, "The private key does not belong to the certificate")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return leaf, names.get_values_for_type(x509.DNSName)


def _result(result: Json) -> Json:
    return {"success": True, "errors": [], "messages": [], "result": result}


def _refused(status: int, code: int, message: str, headers: Mapping[str, str] | None = None) -> Refused:
    errors = [{"code": code, "message": message}]
    return Refused(status, {"success": False, "errors": errors, "messages": [], "result": None}, headers)
