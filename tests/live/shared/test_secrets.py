"""Marked secrets go through everything, failures included; then every place where something is kept is searched."""

import base64
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.live.live_stack import LiveStack, Order
from tests.live.marked import CANARY, Journey, Received, delivered_key
from tests.support.canaries import leaks, private_keys, sqlite_dump
from tests.support.postgres import dump

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database

JSON = {"Content-Type": "application/json"}
MOST = 5
"""Of one kind: more of them would say the same."""
WRITING = ("post", "put", "patch")
SHOWN_ONCE = ("/tokens", "/private-key")
"""Who asks these for a secret gets it, so they are not asked."""


@dataclass
class Travelled:
    """Where both journeys ended."""

    live_stack: LiveStack
    order: Order
    received: list[Received]
    secrets: dict[str, bytes]


@pytest.fixture(scope="module")
def travelled(live_stack: LiveStack) -> Iterator[Travelled]:
    """A journey that used every secret, and one on which each destination and each notifier refused."""
    with ExitStack() as stack:
        journey = Journey(live_stack)
        journey.outside.start(stack)
        order = journey.make()
        yield Travelled(live_stack, order, journey.received, secrets_of(live_stack))


def secrets_of(live_stack: LiveStack) -> dict[str, bytes]:
    """Every secret by what it is."""
    world = live_stack.world
    found = {f"token of {slug}": token for slug, token in live_stack.tokens.items()}
    found |= {"marked credential": CANARY, "AWS secret": world.acm.secret_access_key}
    found |= {"Azure secret": world.vault.client_secret, "Slack token": world.slack.token}
    found |= {"Slack signing secret": world.slack.signing_secret, "mail password": world.smtp()["password"]}
    database = Database(live_stack.database_url)
    keys = private_keys(database, Keyring.load(live_stack.installation.data_dir / "keyring.json"))
    database.close()
    return {what: secret.encode() for what, secret in found.items()} | keys


def test_the_keys_of_everybody_are_searched_for(travelled: Travelled) -> None:
    """Of the authority, and the one that lies in the folder."""
    assert any(what.startswith("scalar of CaKey") for what in travelled.secrets)
    assert leaks(delivered_key(travelled.order).read_bytes(), travelled.secrets)


def test_the_search_finds_what_is_there(travelled: Travelled) -> None:
    """In every encoding, as it is between bytes that are no text, and in the middle of something else."""
    secrets = travelled.secrets
    for what, secret in secrets.items():
        for before in (b"", b"1", b"12"):
            hidden = before + b'{"password": "' + secret + b'"}'
            assert what in leaks(base64.b64encode(hidden), secrets)
            assert what in leaks(base64.urlsafe_b64encode(hidden), secrets)
        assert what in leaks(b"\xff\x00" + secret + b"\x00\xfe", secrets)
        assert what in leaks(secret.hex().upper().encode(), secrets)


def test_nothing_in_any_answer_to_a_reader(travelled: Travelled) -> None:
    """Everything that can be read is read, as the one who may read everything."""
    live_stack = travelled.live_stack
    known = defaultdict(set, applications={"secret", "wrong"})
    with caller(live_stack) as client:
        answers = dict(everything_readable(client, known))
    assert len(answers) > 40
    for path, answer in answers.items():
        assert not leaks(answer, travelled.secrets), path
    events = live_stack.events("wrong", "delivery.failed")
    assert {event["data"]["kind"] for event in events} == {"Unauthorized", "Misconfigured"}


def test_nothing_in_any_answer_to_a_writer(travelled: Travelled) -> None:
    """What was made, changed, asked for and refused on both journeys."""
    statuses = {received.status for received in travelled.received}
    assert {200, 201, 202, 422} <= statuses
    for received in travelled.received:
        assert not leaks(received.text, travelled.secrets), received.call


def test_nothing_in_any_refusal_to_a_writer(travelled: Travelled) -> None:
    """Secrets in places that are not for them are refused without being repeated, wherever something is written."""
    typed = f"{CANARY}-typed"
    fields = ("password", "private_key", "signing_secret", "token")
    wrong = dict.fromkeys(fields, typed) | {"config": dict.fromkeys(fields, typed)}
    refused = 0
    with caller(travelled.live_stack) as client:
        known = defaultdict(set, applications={"wrong"})
        dict(everything_readable(client, known, below="/applications/wrong"))
        known = defaultdict(lambda: {"nobody"}, known, applications={"wrong"}, connections={"wrong-aws"})
        for route, verbs in client.get("/openapi.json").json()["paths"].items():
            for verb in set(WRITING) & set(verbs) if not route.endswith(SHOWN_ONCE) else ():
                for path in filled(route, known):
                    for body in ({"json": wrong}, {"json": [typed]}, {"content": f'{{"password": "{typed}'}):
                        answer = client.request(verb, path, headers=JSON, **body)
                        assert answer.status_code < 500, f"{verb} {path}"
                        assert not leaks(answer.content, travelled.secrets), f"{verb} {path}"
                        refused += answer.is_client_error
    assert refused > 150


@pytest.mark.parametrize(
    ("method", "path", "config"),
    [
        ("POST", "aws", {"region": "x", "secret_access_key": [CANARY]}),
        ("POST", "aws", {"region": "x", "secret_acces_key": CANARY}),
        ("POST", "pagerduty", {"routing_key": CANARY}),
        ("POST", "teams", {"workflow_url": {CANARY: CANARY}}),
        ("POST", "apprise", {"url": CANARY * 400}),
        ("PATCH", "/connections/wrong-webhook", {"url": "http://x.example", "signing_secret": CANARY * 20}),
        ("PATCH", "/connections/wrong-slack", {"bot_token": CANARY, "signing_secret": [CANARY]}),
        ("PATCH", "/applications/wrong/syncs/files", {"format": "pem", "password": CANARY}),
    ],
)
def test_nothing_in_the_refusal_of_a_secret_that_cannot_be_used(
    travelled: Travelled, method: str, path: str, config: dict[str, Any]
) -> None:
    """Of the wrong kind, too long, in a field whose name is misspelt, or of no use beside the others."""
    body: dict[str, Any] = {"config": config}
    if method == "POST":
        path, body = "/connections", {"slug": "refused", "name": "Refused", "type": path, **body}
    with caller(travelled.live_stack) as client:
        answer = client.request(method, f"/api/v1{path}", json=body)
    assert answer.is_client_error
    assert not leaks(answer.content, travelled.secrets)


def caller(live_stack: LiveStack) -> httpx2.Client:
    """The one who may do everything."""
    headers = {"Authorization": f"Bearer {live_stack.tokens['admin']}"}
    return httpx2.Client(base_url=live_stack.installation.url, headers=headers, timeout=60, trust_env=False)


def everything_readable(
    client: httpx2.Client, known: dict[str, set[str]], below: str = ""
) -> Iterator[tuple[str, bytes]]:
    """Every GET route with every value of its parameters that another answer shows, which is then known."""
    seen: set[str] = set()
    routes = client.get("/openapi.json").json()["paths"]
    for _ in range(2):  # the second round follows what the first one found
        for route, verbs in routes.items():
            for path in filled(route, known) if "get" in verbs else ():
                if path not in seen and below in path:
                    seen.add(path)
                    answer = client.get(path)
                    yield path, answer.content
                    learn(known, path, answer)


def filled(route: str, known: Mapping[str, set[str]]) -> Iterator[str]:
    """The paths of a route, with what lists have shown: `/syncs/{sync}` is asked for everything in `/syncs`."""
    found = re.search(r"/([a-z-]+)/{\w+}", route)
    if found is None:
        yield route
        return
    for value in sorted(known[found[1]])[:MOST]:
        yield from filled(route.replace(found[0], f"/{found[1]}/{value}", 1), known)


def learn(known: dict[str, set[str]], path: str, answer: httpx2.Response) -> None:
    """The ids in a list are those of the things that its path names."""
    if answer.is_success and "application/json" in answer.headers["content-type"]:
        body = answer.json()
        rows = body.get("items", []) if isinstance(body, dict) else []
        found = {str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row}
        known[path.rpartition("/")[2]].update(found)


@pytest.mark.parametrize(
    "body",
    [
        {"pem": f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----\n"},
        {"pkcs12": base64.b64encode(CANARY.encode()).decode(), "password": CANARY},
        {"pkcs12": CANARY, "password": [CANARY]},
    ],
)
def test_nothing_in_the_refusal_of_an_import(travelled: Travelled, body: dict[str, Any]) -> None:
    with caller(travelled.live_stack) as client:
        answer = client.post("/api/v1/applications/wrong/certificates", json=body)
    assert answer.is_client_error
    assert not leaks(answer.content, travelled.secrets)


def test_nothing_in_any_file(travelled: Travelled) -> None:
    """Temporal's database, the logs and whatever else the installation writes. Summaries alone name a certificate."""
    folder = travelled.live_stack.installation.data_dir
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"temporal.db", "certrail.log"} <= {path.name for path in files}
    for path in files:
        assert not leaks(path.read_bytes(), travelled.secrets), path.name
    history = sqlite_dump(folder / "temporal.db")
    named = [history[at - 40 : at] for at in places(history, b"secret.live.example")]
    assert named
    summaries = (b"Issue ", b"Deliver ")
    assert all(before.removesuffix(b"asked-").endswith(summaries) for before in named), named
    assert travelled.order.request["id"].encode() in history
    assert not leaks(history, travelled.secrets)


def places(text: bytes, part: bytes) -> list[int]:
    """Where it occurs."""
    return [found.start() for found in re.finditer(re.escape(part), text)]


def test_nothing_in_the_database(travelled: Travelled) -> None:
    """A dump of the application's database: sealed and hashed values, and none in clear."""
    text = dump(travelled.live_stack.database_url)
    assert "secret.live.example" in text
    assert not leaks(text.encode(), travelled.secrets)


def test_keys_and_folders_are_for_their_owner_only(travelled: Travelled) -> None:
    """The key file and the delivered key."""
    folder = travelled.live_stack.installation.data_dir
    assert (folder / "keyring.json").stat().st_mode & 0o077 == 0
    assert delivered_key(travelled.order).stat().st_mode & 0o077 == 0
