"""The pages are followed word for word, from an empty `certrail dev` on, with stand-ins where the world begins."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.installation import Installation
from examples.demo.world import World
from tests.docs.forks import forking
from tests.docs.pages import FOLLOWED, Block, blocks
from tests.docs.reader import Reader, Stumbled

from certrail_fakes.smtp import SmtpServer

FIRST, FURTHER = FOLLOWED[:2], FOLLOWED[2:]


def in_their_place(installation: Installation, world: World, mail: SmtpServer) -> dict[str, str]:
    """What pages can only give an example of, and what is typed instead."""
    return {
        "http://127.0.0.1:8080": installation.url,
        '"port": 1025': f'"port": {mail.port}',
        '"region": "eu-central-1"': f'"region": "{world.acm.region}", "endpoint_url": "{world.acm.url}"',
        "AKIA...": world.acm.access_key_id,
        "wJalr...": world.acm.secret_access_key,
        '"bot_token": "xoxb-..."': f'"api_url": "{world.slack.url}", "bot_token": "{world.slack.token}"',
        "0123456789abcdef0123456789abcdef": world.slack.signing_secret,
        "C0123456789": world.slack.channel("#approvals").id,
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(scope="module")
def reader(world: World) -> Iterator[Reader]:
    """Somebody who has read the first pages, and done what they say."""
    # Not below pytest's folder: its name is too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="certrail-"))
    installation = Installation(folder / "data")
    mail = SmtpServer(security="none").start()
    environment = {"CERTRAIL_URL": installation.url, "CERTRAIL_DATA_DIR": str(installation.data_dir)}
    reader = Reader(folder / "reader", environment, in_their_place(installation, world, mail))
    try:
        installation.start()
        with forking(reader.certrail, folder):
            for page in FIRST:
                reader.follow(blocks(page=page), keep=True)
            yield reader
    finally:
        installation.stop()
        mail.stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize("page", FURTHER, ids=lambda page: page.name)
def test_a_page_goes_on_where_the_first_ones_end(reader: Reader, page: Path) -> None:
    reader.follow(blocks(page=page))


@pytest.mark.parametrize(
    "text",
    [
        "certrail nonsense",
        "certrail cert show unknown",
        'curl --oauth2-bearer nobody "$CERTRAIL_URL/api/v1/me"',
        'ID=$(certrail cert list payments --name nobody.example --json | first id)\necho "$ID"',
        "echo ok; false; echo ok",
    ],
)
def test_a_reader_who_is_refused_stumbles(reader: Reader, text: str) -> None:
    with pytest.raises(Stumbled, match="ended with"):
        reader.follow([written("bash", text)])


def test_a_reader_who_sees_something_else_stumbles(reader: Reader) -> None:
    asked = written("bash", "certrail app show payments\n")
    reader.follow([asked, written("text", "slug  pay…\n", line=5)])
    with pytest.raises(Stumbled, match="but this came"):
        reader.follow([asked, written("text", "slug  live_stack\n", line=5)])


def written(language: str, text: str, line: int = 1) -> Block:
    return Block(FOLLOWED[-1], language, text, line)
