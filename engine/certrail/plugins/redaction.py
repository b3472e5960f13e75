"""Secrets that the engine hands to a plugin, replaced by a mask in everything that comes back from it.

Searched for are, of every secret of at least `SHORTEST_SECRET` characters: its text, also percent-encoded, escaped as
in JSON, in hexadecimal and in Base64, wherever it begins there; of a URL also the path with its query; of a private
key the private numbers, so that it is found in every format (PKCS#8, PKCS#1, SEC 1) and however its lines are broken.
Shorter secrets are not searched for: they would be found by chance. Neither is what a plugin encrypts, compresses or
cuts into pieces.
"""

import json
import logging
import re
import threading
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from html import escape
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urlsplit

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, SecretBytes, SecretStr

from certrail_sdk import Plugin, PluginError

T = TypeVar("T")

MASK = "**********"
SHORTEST_SECRET = 8
"""Characters; a shorter value is too common to search for."""
SHORTEST_LINE = 32
"""Characters of a line of a secret, such as of a PEM key, that is searched for by itself."""
SHORTEST_PART = 16
"""Characters of the path of a secret URL, below which it is no secret of its own."""
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_BREAKS = re.compile(r"\\[nrt]|%0[AaDd]|[\s\"',:]")
"""Between the pieces of an encoded number: line breaks, also escaped ones, and the colons of hexadecimal pairs."""
_ALIKE = {"-": "+", "_": "/"}
"""Base64's alphabet for URLs (RFC 4648 section 5), as the ordinary one."""
_TRANSLATED = str.maketrans(_ALIKE)
_ESCAPED = re.compile(r"%2[bB]|%2[fF]")
_PACKED = re.compile(f"(?:{_BREAKS.pattern})|({_ESCAPED.pattern})")
_CHUNK = 20


class Redactor:
    """Replaces the secrets of one plugin call.

    Args:
        secrets: in clear.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret.strip() for secret in secrets}
        self._secrets = sorted((s for s in known if len(s) >= SHORTEST_SECRET), key=len, reverse=True)
        self._lock = threading.Lock()
        self._prepared: _Prepared | None = None

    @classmethod
    def of(cls, *handed_out: object) -> "Redactor":
        """Of all secrets in plugin objects, their configurations, and what they are called with."""
        return cls(secrets_in(handed_out))

    def text(self, text: str) -> str:
        """A text without the secrets."""
        if not self._secrets or not text:
            return text
        prepared = self._searched()
        # First the numbers: a mask within one would cut off its end, which is too short to be found by itself.
        if prepared.chunks and len(text) >= _CHUNK:
            text = _without_numbers(text, prepared.chunks)
        for form in prepared.forms:
            text = text.replace(form, MASK)
        return text

    def value(self, value: Any) -> Any:
        """A plugin's answer without the secrets: a message of the SDK, or JSON values with the keys of objects."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, BaseModel):
            return value.model_copy(update={name: self.value(item) for name, item in dict(value).items()})
        if isinstance(value, Mapping):
            return {self.value(name): self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([self.value(item) for item in value])
        return value

    @contextmanager
    def in_logs(self) -> Iterator[None]:
        """Replace the secrets in all log records of the current task, its tasks and its threads."""
        _install()
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def _searched(self) -> "_Prepared":
        with self._lock:
            if self._prepared is None:
                forms = {form for secret in self._secrets for form in _forms(secret)}
                chunks: dict[str, list[tuple[str, int]]] = {}
                for run in (run for secret in self._secrets for run in _number_runs(secret)):
                    for start in range(0, len(run) - _CHUNK + 1, _CHUNK):
                        chunks.setdefault(run[start : start + _CHUNK], []).append((run, start))
                self._prepared = _Prepared(sorted(forms, key=len, reverse=True), chunks)
            return self._prepared


async def redacted(handed_out: object, work: Awaitable[T]) -> T:
    """A plugin's call with the secrets of what it is handed replaced in its answer, its errors and its log lines.

    Raises:
        PluginError: the plugin's, with its message and action replaced as well.
    """
    redactor = Redactor.of(handed_out)
    with redactor.in_logs():
        try:
            answer: T = redactor.value(await work)
        except PluginError as error:
            error.args = redactor.value(error.args)
            error.action = redactor.text(str(error.action))
            raise
    return answer


@dataclass(frozen=True)
class _Prepared:
    """What is searched for: the forms of secrets in one piece, and the pieces of private numbers with their places."""

    forms: Sequence[str]
    chunks: Mapping[str, Sequence[tuple[str, int]]]


def secrets_in(value: object) -> Iterator[str]:
    """The clear text of every secret in plugins, models, dataclasses, mappings and sequences."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif isinstance(value, Plugin):
        yield from secrets_in(value.config)
    elif isinstance(value, BaseModel):
        yield from secrets_in(dict(value))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from secrets_in([getattr(value, field.name) for field in fields(value)])
    elif isinstance(value, Mapping):
        yield from secrets_in([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from secrets_in(part)


def _forms(secret: str) -> Iterator[str]:
    """The ways in which a secret is written in one piece."""
    for text in _texts(secret):
        yield text
        yield from (quote(text, safe=""), quote(text), quote_plus(text), escape(text))
        yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
        raw = text.encode(errors="surrogatepass")
        yield from (raw.hex(), raw.hex().upper())
        yield from (line for line in text.splitlines() if len(line) >= SHORTEST_LINE)
        for piece in _base64_runs(raw):
            yield from (piece, piece.replace("+", "-").replace("/", "_"), quote(piece, safe=""))


def _texts(secret: str) -> Iterator[str]:
    yield secret
    if "\n" in secret:
        yield secret.replace("\r", "").replace("\n", "\r\n")
    if secret.startswith(("http://", "https://")):
        address = urlsplit(secret)
        path = address.path + (f"?{address.query}" if address.query else "")
        if len(path) >= SHORTEST_PART:
            yield path
        if address.password and len(address.password) >= SHORTEST_SECRET:
            yield address.password


def _base64_runs(raw: bytes) -> Iterator[str]:
    """Bytes in Base64, at each of the three alignments, without the characters that depend on their neighbours."""
    for before, skipped in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(b"\0" * before + raw).decode()
        yield encoded[skipped : (before + len(raw)) * 8 // 6]


def _number_runs(secret: str) -> Iterator[str]:
    """The private numbers of every private key in a secret, as Base64, hexadecimal and decimal digits."""
    unescaped = secret.replace("\\n", "\n") if "PRIVATE KEY" in secret else ""
    for found in _PEM.finditer(unescaped):
        for number in _private_numbers(found.group()):
            runs = [
                *_base64_runs(number),
                number.hex(),
                number.hex().upper(),
                str(int.from_bytes(number, "big")),
            ]
            yield from (run for run in runs if len(run) >= _CHUNK)


def _private_numbers(pem: str) -> list[bytes]:
    try:
        # The numbers are only searched for, so they need not be proven.
        key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):  # encrypted or damaged: found as a text only
        return []
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        integers = [numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp]
        return [n.to_bytes((n.bit_length() + 7) // 8, "big") for n in integers]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return [key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")]
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return [key.private_bytes_raw()]
    if isinstance(key, dsa.DSAPrivateKey):
        value = key.private_numbers().x
        return [value.to_bytes((value.bit_length() + 7) // 8, "big")]
    return []


def _without_numbers(text: str, chunks: Mapping[str, Sequence[tuple[str, int]]]) -> str:
    """Mask encoded private numbers, however they are broken into lines.

    A run of `_CHUNK` characters at a fixed distance is looked up, and what it finds is extended to both sides.
    """
    packed = _PACKED.sub(_pack, text).translate(_TRANSLATED)
    # Nearly every text holds none, and only what holds one has its places looked for.
    if not any(packed[place : place + _CHUNK] in chunks for place in range(len(packed) - _CHUNK + 1)):
        return text
    dense, starts, ends = _dense(text)
    spans: list[tuple[int, int]] = []
    place = 0
    while place + _CHUNK <= len(dense):
        found = chunks.get(dense[place : place + _CHUNK])
        if found is None:
            place += 1
            continue
        first, last = place, place + _CHUNK
        for run, start in found:
            first = min(first, _extended_left(dense, place, run, start))
            last = max(last, _extended_right(dense, place + _CHUNK, run, start + _CHUNK))
        spans.append((starts[first], ends[last - 1]))
        place = last
    return _masked(text, spans)


def _pack(found: re.Match[str]) -> str:
    escaped = found.group(1)
    return "" if escaped is None else "+" if escaped.lower() == "%2b" else "/"


def _extended_left(dense: str, place: int, run: str, start: int) -> int:
    while place > 0 and start > 0 and dense[place - 1] == run[start - 1]:
        place, start = place - 1, start - 1
    return place


def _extended_right(dense: str, place: int, run: str, start: int) -> int:
    while place < len(dense) and start < len(run) and dense[place] == run[start]:
        place, start = place + 1, start + 1
    return place


def _dense(text: str) -> tuple[str, list[int], list[int]]:
    """A text without line breaks and separators, and where each of its characters begins and ends in the text."""
    characters, starts, ends = list[str](), list[int](), list[int]()
    place = 0
    while place < len(text):
        if (skipped := _BREAKS.match(text, place)) is not None:
            place = skipped.end()
            continue
        end = place + 1
        character = _ALIKE.get(text[place], text[place])
        if (escaped := _ESCAPED.match(text, place)) is not None:
            end, character = escaped.end(), "+" if escaped.group().lower() == "%2b" else "/"
        characters.append(character)
        starts.append(place)
        ends.append(end)
        place = end
    return "".join(characters), starts, ends


def _masked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts, done = list[str](), 0
    for first, last in spans:
        if first > done or not parts:
            parts += [text[done:first], MASK]
        done = max(done, last)
    return "".join([*parts, text[done:]])


_current: ContextVar[Redactor | None] = ContextVar("redactor", default=None)
_installing = threading.Lock()


def _install() -> None:
    """Have every log record of the process made by `_redacting`, which changes only those of plugin calls."""
    with _installing:
        made = logging.getLogRecordFactory()
        if not getattr(made, "redacts", False):
            logging.setLogRecordFactory(_redacting(made))


def _redacting(made: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = made(*args, **kwargs)
        redactor = _current.get()
        if redactor is not None:
            _redact(record, redactor)
        return record

    make.redacts = True  # type: ignore[attr-defined]
    return make


def _redact(record: logging.LogRecord, redactor: Redactor) -> None:
    try:
        message = record.getMessage()
    except Exception as error:  # a wrong format of the plugin's
        message = f"a log line that cannot be formatted: {type(error).__name__}"
    record.msg, record.args = redactor.text(message), ()
    if record.exc_info:
        record.exc_text = redactor.text(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
    if record.stack_info:
        record.stack_info = redactor.text(record.stack_info)
