"""A fake for iControl REST of a BIG-IP: uploads, files of certificates and keys, client SSL profiles, transactions."""

import hmac
import re
from base64 import b64encode
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certrail_fakes.http_api import Call, HttpApi, Json, Refused

CERTIFICATE, KEY, PROFILE = "sys/file/ssl-cert", "sys/file/ssl-key", "ltm/profile/client-ssl"
OBJECT = re.compile(rf"/mgmt/tm/({CERTIFICATE}|{KEY}|{PROFILE})(?:/~([^~/]+)~([^~/]+))?")
UPLOAD = re.compile(r"/mgmt/shared/file-transfer/uploads/([A-Za-z0-9._-]+)")
TRANSACTION = re.compile(r"/mgmt/tm/transaction(?:/(\d+))?")
RANGE = re.compile(r"0-(\d+)/(\d+)")
DOWNLOADS = "/var/config/rest/downloads/"
LARGEST_CHUNK = 1024 * 1024
COORDINATION = "x-f5-rest-coordination-id"
PROPERTIES = {
    CERTIFICATE: {"name", "partition", "sourcePath"},
    KEY: {"name", "partition", "sourcePath", "passphrase"},
    PROFILE: {"name", "partition", "defaultsFrom", "description", "certKeyChain"},
}
Objects = dict[str, dict[str, Json]]
"""By collection, then by full path such as `/Common/web`."""


@dataclass
class F5Api(HttpApi):
    """One device with two partitions.

    Attributes:
        objects: the running configuration; files have their text in `content`, which is never shown.
        uploads: files in the download folder, by name.
        virtuals: by virtual server: the full path of its client SSL profile.
        transactions: the commands of each that is under way.
    """

    username = "certrail"
    password = "the-password-of-the-tests"
    partitions = ("Common", "Other")
    objects: Objects = field(init=False)
    uploads: dict[str, str] = field(default_factory=dict, init=False)
    virtuals: dict[str, str] = field(default_factory=dict, init=False)
    transactions: dict[int, list[Call]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last = 1700000000
        parent = {"name": "clientssl", "partition": "Common", "fullPath": "/Common/clientssl"}
        self.objects = {CERTIFICATE: {}, KEY: {}, PROFILE: {"/Common/clientssl": parent}}

    def answer(self, call: Call) -> tuple[int, Json]:
        pair = b64encode(f"{self.username}:{self.password}".encode()).decode()
        if not hmac.compare_digest(call.headers.get("authorization", ""), f"Basic {pair}"):
            raise _refused(401, "Authorization failed: user has no authentication")
        if found := UPLOAD.fullmatch(call.path):
            return 200, self._uploaded(call, found[1])
        if call.path == "/mgmt/tm/util/unix-rm" and call.method == "POST":
            return 200, self._unix_rm(call.document)
        if found := TRANSACTION.fullmatch(call.path):
            return 200, self._transaction(call, int(found[1] or 0))
        if not OBJECT.fullmatch(call.path):
            raise _refused(404, f"Public URI path not registered: {call.path}")
        if (given := call.headers.get(COORDINATION)) and call.method != "GET":
            if int(given) not in self.transactions:
                raise _refused(404, f"Transaction {given} does not exist")
            self.transactions[int(given)].append(call)
            return 200, {"method": call.method, "uri": call.path, "body": call.document if call.body else {}}
        after = deepcopy(self.objects)
        shown = self._changed(after, call)
        if call.method != "GET":
            self._validate(after)
            self.objects = after
        return 200, shown

    def _uploaded(self, call: Call, name: str) -> Json:
        size, given = len(call.body), RANGE.fullmatch(call.headers.get("content-range", ""))
        if call.headers.get("content-type") != "application/octet-stream" or not given:
            raise _refused(400, "Content-Range header is required")
        if (int(given[1]) + 1, int(given[2])) != (size, size) or size > LARGEST_CHUNK:
            raise _refused(400, f"chunk size {size} does not fit the range {given[0]}")
        self.uploads[name] = call.body.decode()
        return {"remainingByteCount": 0, "totalByteCount": size, "localFilePath": DOWNLOADS + name}

    def _unix_rm(self, document: Json) -> Json:
        if set(document) != {"command", "utilCmdArgs"} or document["command"] != "run":
            raise _refused(400, "unix-rm takes command and utilCmdArgs")
        if self.uploads.pop(document["utilCmdArgs"].removeprefix(DOWNLOADS), None) is None:
            return document | {
                "commandResult": f"rm: cannot remove '{document['utilCmdArgs']}': No such file"
            }
        return {"kind": "tm:util:unix-rm:runstate", **document}

    def _transaction(self, call: Call, number: int) -> Json:
        if call.method == "POST" and not number:
            self._last += 1
            self.transactions[self._last] = []
            return _state(self._last, "STARTED")
        if number not in self.transactions:
            raise _refused(404, f"Transaction {number} does not exist")
        if call.method != "PATCH" or call.document != {"state": "VALIDATING"}:
            raise _refused(400, 'a transaction is committed by {"state": "VALIDATING"}')
        after = deepcopy(self.objects)
        try:
            for command in self.transactions.pop(number):
                self._changed(after, command)
            self._validate(after)
        except Refused as refusal:
            raise _refused(refusal.status, f"transaction failed:{refusal.document['message']}") from None
        self.objects = after
        return _state(number, "COMPLETED")

    def _changed(self, objects: Objects, call: Call) -> Json:
        """Carry out one command on these objects."""
        found = OBJECT.fullmatch(call.path)
        assert found
        kind, values = found[1], call.document if call.body else {}
        if unknown := values.keys() - PROPERTIES[kind]:
            raise _refused(400, f'one or more properties must be specified: "{min(unknown)}" is unknown')
        if call.method == "POST":
            path = f"/{values.get('partition', 'Common')}/{values['name']}"
            if path in objects[kind]:
                message = f"01020066:3: The requested object ({path}) already exists in partition {path.split('/')[1]}."
                raise _refused(409, message)
            if path.split("/")[1] not in self.partitions:
                raise _refused(400, f"01070712:3: folder /{path.split('/')[1]} does not exist")
            objects[kind][path] = {"fullPath": path}
        else:
            path = f"/{found[2]}/{found[3]}"
        if path not in objects[kind]:
            raise _refused(404, f"01020036:3: The requested object ({path}) was not found.")
        if call.method == "DELETE":
            return objects[kind].pop(path) and None
        objects[kind][path] |= values
        if "sourcePath" in values:
            objects[kind][path] |= self._file(kind, values["sourcePath"])
        return {name: value for name, value in objects[kind][path].items() if name != "content"}

    def _file(self, kind: str, source: str) -> Json:
        text = self.uploads.get(source.removeprefix("file:").removeprefix(DOWNLOADS))
        if text is None:
            raise _refused(400, f"Failed! exit_code (22): curl: ({source}) couldn't open file")
        data = text.encode()
        digest = sha1(data, usedforsecurity=False).hexdigest()
        known = {"checksum": f"SHA1:{len(data)}:{digest}", "size": len(data), "content": text}
        try:
            if kind == KEY:
                load_pem_private_key(data, None)
                return known
            leaf = x509.load_pem_x509_certificates(data)[0]
        except ValueError:
            raise _refused(400, "010713c2:3: the file is neither a certificate nor a key in PEM") from None
        return known | {"fingerprint": f"SHA256/{leaf.fingerprint(SHA256()).hex(':').upper()}"}

    def _validate(self, objects: Objects) -> None:
        """What mcpd looks at before anything takes effect."""
        for path, profile in objects[PROFILE].items():
            if profile.get("defaultsFrom") not in (None, *objects[PROFILE]):
                raise _refused(
                    400, f"01020036:3: The requested profile ({profile['defaultsFrom']}) was not found."
                )
            for entry in profile.get("certKeyChain", ()):
                _validate_entry(objects, path, entry)
        for virtual, path in self.virtuals.items():
            if path not in objects[PROFILE]:
                raise _refused(
                    400, f"01070097:3: Virtual server {virtual} lists a profile ({path}) that is deleted."
                )


def _validate_entry(objects: Objects, path: str, entry: Any) -> None:
    files = {"cert": CERTIFICATE, "key": KEY} | ({"chain": CERTIFICATE} if entry["chain"] != "none" else {})
    for part, kind in files.items():
        if entry[part] not in objects[kind]:
            raise _refused(
                400, f"01071349:3: File object by name ({entry[part]}) is in use or missing, by {path}."
            )
    leaf = x509.load_pem_x509_certificate(objects[CERTIFICATE][entry["cert"]]["content"].encode())
    key = load_pem_private_key(objects[KEY][entry["key"]]["content"].encode(), None)
    if leaf.public_key() != key.public_key():
        raise _refused(400, f"01070317:3: profile {path}'s key and certificate do not match")


def _state(number: int, state: str) -> Json:
    return {"transId": number, "state": state, "timeoutSeconds": 30, "kind": "tm:transactionstate"}


def _refused(status: int, message: str) -> Refused:
    return Refused(status, {"code": status, "message": message, "errorStack": [], "apiError": 3})
