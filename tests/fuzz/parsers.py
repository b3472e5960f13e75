"""Gives mutated bytes to the parsers of enrollment for some seconds: ``python -m tests.fuzz.parsers SECONDS``.

Ends with 0 when each ended in words and none took over two seconds; else atheris prints the bytes.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["certrail.pki", "asn1crypto"]):
    from tests.support.scep_client import ScepClient, rsa_key, scep_csr, self_signed

    from certrail.domain.errors import BadInput
    from certrail.pki.csr import csr_pem, read_csr
    from certrail.pki.enrollment.ber import Malformed
    from certrail.pki.enrollment.est_body import read_request_body
    from certrail.pki.enrollment.pkcs10 import challenge_of, parse_request, without_challenge
    from certrail.pki.scep.algorithms import BadAlgorithm
    from certrail.pki.scep.envelope import Undecipherable, read_envelope, read_name
    from certrail.pki.scep.message import BadMessage, read_message

SLOWEST_SECONDS = 2.0
LARGEST = 20_000
IN_WORDS = (BadInput, Malformed, BadAlgorithm, BadMessage, Undecipherable)


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


PARSERS = (read_pkcs10, read_pki_message, read_request_body, read_envelope, read_name)


def main() -> None:
    """Fuzz until the time is over."""
    csr = scep_csr(rsa_key(), "device.example.com", "secret")
    client = ScepClient(rsa_key(), self_signed(rsa_key(), "device"), self_signed(rsa_key(1), "ra"))
    message = client.request(csr)
    seeds = (csr, message, csr, read_message(message).content, b"0")
    with tempfile.TemporaryDirectory(prefix="certrail-fuzz-") as folder:
        for number, seed in enumerate(seeds):
            Path(folder, str(number)).write_bytes(bytes([number]) + seed)
        print(f"{len(PARSERS)} parsers", flush=True)
        options = (f"-max_total_time={int(sys.argv[1])}", f"-max_len={LARGEST}", "-timeout=60")
        atheris.Setup([sys.argv[0], *options, folder], check)
        atheris.Fuzz()


def check(data: bytes) -> None:
    """Raises whatever is not said in words, and AssertionError for what is slow."""
    if not data:
        return
    started = time.monotonic()
    with suppress(*IN_WORDS):
        PARSERS[data[0] % len(PARSERS)](data[1:])
    assert time.monotonic() - started < SLOWEST_SECONDS


if __name__ == "__main__":
    main()
