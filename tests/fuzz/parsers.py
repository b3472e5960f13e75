"""Gives mutated bytes to the parsers of enrollment for some seconds: ``python -m tests.fuzz.parsers SECONDS``.

Ends with 0 when each ended in words and none took over two seconds; else atheris prints the bytes.
"""

import base64
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import atheris

GUIDES = [
    "certrail.pki",
    "certrail.domain.acme",
    "certrail_server.api.enrollment.acme",
    "asn1crypto",
    "joserfc",
]
"""Where bytes are parsed."""

with atheris.instrument_imports(include=GUIDES):
    from joserfc import jws
    from joserfc.jwk import ECKey
    from tests.support.scep_client import ScepClient, rsa_key, scep_csr, self_signed

    from certrail.domain.acme import AcmeProblem, contacts_of, identifiers_of
    from certrail.domain.errors import BadInput
    from certrail.pki.csr import csr_pem, read_csr
    from certrail.pki.enrollment.ber import Malformed
    from certrail.pki.enrollment.est_body import read_request_body
    from certrail.pki.enrollment.pkcs10 import challenge_of, parse_request, without_challenge
    from certrail.pki.scep.algorithms import BadAlgorithm
    from certrail.pki.scep.envelope import Undecipherable, issuer_and_serial, read_envelope, read_name
    from certrail.pki.scep.message import BadMessage, read_message
    from certrail.pki.scep.writing import named
    from certrail_server.api.enrollment.acme.jws import is_bound, payload_of, public_key, signed_body, verify

SLOWEST_SECONDS = 2.0
LARGEST = 20_000
IN_WORDS = (BadInput, Malformed, BadAlgorithm, BadMessage, Undecipherable, AcmeProblem)


def read_pkcs10(data: bytes) -> None:
    """As EST and SCEP read it."""
    read_csr(csr_pem(data))
    request = parse_request(data)
    challenge_of(request.csr)
    without_challenge(request)


def read_pki_message(data: bytes) -> None:
    """All that is read of one that may not even verify."""
    message = read_message(data)
    read_envelope(message.content).open(lambda _: rsa_key(1))
    message.attributes()
    message.verify()


def read_jws(data: bytes) -> None:
    """As every call of an ACME client is read, and the MAC of an external account binding."""
    body = signed_body(data)
    for step in (
        lambda: payload_of(body),
        lambda: is_bound(body, b"k" * 32),
        lambda: verify(body, public_key(body.header.get("jwk")).key),
    ):
        with suppress(AcmeProblem):
            step()


def read_jwk(data: bytes) -> None:
    """The key that an account brings."""
    public_key(_json(data))


def read_order(data: bytes) -> None:
    """What a payload names."""
    members = _json(data)
    if isinstance(members, dict):
        with suppress(AcmeProblem):
            contacts_of(members.get("contact"))
        identifiers_of(members.get("identifiers"))


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def seeds() -> dict[Callable[[bytes], object], bytes]:
    """By parser: what it takes, so that mutations get past its first check."""
    csr = scep_csr(rsa_key(), "device.example.com", "secret")
    client = ScepClient(rsa_key(), self_signed(rsa_key(), "device"), self_signed(rsa_key(1), "ra"))
    message = client.request(csr)
    order = {
        "identifiers": [{"type": "dns", "value": "*.example.com"}, {"type": "ip", "value": "192.0.2.1"}],
        "contact": ["mailto:ops@example.com"],
    }
    key = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "nonce": "AAAA", "url": "https://acme.example/new-order"}
    payload = json.dumps(order).encode()
    signed = jws.serialize_json(
        {"protected": {**header, "jwk": key.as_dict(private=False)}},
        payload,
        key,
        registry=jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False),
    )
    return {
        read_pkcs10: csr,
        read_pki_message: message,
        read_request_body: base64.encodebytes(csr),
        read_envelope: read_message(message).content,
        read_name: issuer_and_serial(named(client.recipient)),
        read_jws: json.dumps(signed).encode(),
        read_jwk: json.dumps(key.as_dict(private=False)).encode(),
        read_order: payload,
    }


def main() -> None:
    """Fuzz until the time is over."""
    given = seeds()
    parsers = tuple(given)
    with tempfile.TemporaryDirectory(prefix="certrail-fuzz-") as folder:
        for number, (parser, seed) in enumerate(given.items()):
            parser(seed)
            Path(folder, str(number)).write_bytes(bytes([number]) + seed)
        print(f"{len(parsers)} parsers", flush=True)
        options = (f"-max_total_time={int(sys.argv[1])}", f"-max_len={LARGEST}", "-timeout=60")
        atheris.Setup([sys.argv[0], *options, folder], lambda data: check(parsers, data))
        atheris.Fuzz()


def check(parsers: Sequence[Callable[[bytes], object]], data: bytes) -> None:
    """Raises whatever is not said in words, and AssertionError for what is slow."""
    if not data:
        return
    started = time.monotonic()
    with suppress(*IN_WORDS):
        parsers[data[0] % len(parsers)](data[1:])
    assert time.monotonic() - started < SLOWEST_SECONDS


if __name__ == "__main__":
    main()
