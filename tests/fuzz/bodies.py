"""Sends mutated bytes to every endpoint for some seconds: ``python -m tests.fuzz.bodies SECONDS [PACKAGE...]``.

It is guided by the coverage of the packages, all of certrail by default: to instrument all takes ten seconds.

Ends with 0 when no body was a fault of the server and none took over two seconds; else atheris prints the body.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=sys.argv[2:] or ["certrail", "certrail_server"]):
    from tests.fuzz.endpoints import Endpoints, opened_endpoints

SLOWEST_SECONDS = 2.0
LARGEST_BODY = 20_000
WORDS = (
    '"',
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "\\\\ud800",
    "-----BEGIN CERTIFICATE-----",
    "*.",
    "\\x00",
)
"""What a JSON body, and a value in it, is made of (libFuzzer's dictionary)."""


def main() -> None:
    """Fuzz until the time is over."""
    seconds = int(sys.argv[1])
    with (
        tempfile.TemporaryDirectory(prefix="certrail-fuzz-") as folder,
        opened_endpoints(Path(folder)) as endpoints,
    ):
        seeds, words = Path(folder, "seeds"), Path(folder, "words")
        seeds.mkdir()
        for number, endpoint in enumerate(endpoints.all):
            for count, seed in enumerate(endpoint.seeds):
                (seeds / f"{number}-{count}").write_bytes(bytes([number]) + seed)
        words.write_text("".join(f'"{word.replace(chr(34), chr(92) + chr(34))}"\n' for word in WORDS))
        print(f"{len(endpoints.all)} endpoints", flush=True)
        options = (f"-max_total_time={seconds}", f"-max_len={LARGEST_BODY}", f"-dict={words}", "-timeout=60")
        atheris.Setup([sys.argv[0], *options, str(seeds)], lambda data: check(endpoints, data))
        atheris.Fuzz()


def check(endpoints: Endpoints, data: bytes) -> None:
    """Send one body. Raises AssertionError on a fault of the server, and on one that is slow twice."""
    if not data:
        return
    answer = endpoints.send(data[0], data[1:])
    assert answer.status < 500, (
        f"{answer.endpoint.method} {answer.endpoint.path}: {answer.status} {answer.text[:500]!r}"
    )
    if answer.seconds > SLOWEST_SECONDS:
        again = endpoints.send(data[0], data[1:])
        assert again.seconds < SLOWEST_SECONDS, f"{answer.endpoint.path} took {again.seconds:.1f} s"


if __name__ == "__main__":
    main()
