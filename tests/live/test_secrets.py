"""Marked secrets go through everything, failures included; then every place where something is kept is searched."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from examples.demo.installation import Refused, until
from tests.live.shop import Order, Shop
from tests.support.postgres import dump

CANARY = "canary-8c1f0b7e"
MOST = 5
"""Of one kind: more of them would say the same."""


@pytest.fixture(scope="module")
def travelled(shop: Shop) -> Order:
    """A journey that used every secret, and one on which each destination and each notifier refused."""
    shop.application("secret")
    shop.sync("secret", "files", "folder")
    shop.sync("secret", "aws-acm", "aws")
    shop.sync("secret", "azure-key-vault", "azure")
    order = shop.order("secret", "secret.live.example")
    order.wait_until_issued()
    until(lambda: all_verified(order), "three deliveries")
    order.wait_until_told()
    refused(shop)
    return order


def all_verified(order: Order) -> bool:
    rows = order.deliveries()
    return len(rows) == 3 and all(row["verified_at"] for row in rows)


def refused(shop: Shop) -> None:
    """The same with credentials that are refused everywhere."""
    shop.application("wrong")
    for slug, kind, config in wrong_connections(shop):
        shop.admin.post("/connections", {"slug": slug, "name": slug, "type": kind, "config": config})
    shop.sync("wrong", "aws-acm", "wrong-aws")
    shop.sync("wrong", "azure-key-vault", "wrong-azure")
    mail = {"sender": "certrail@example.com", "recipients": ["wrong@example.com"]}
    channel = {"slug": "wrong", "name": "Wrong", "notifier": "email", "connection": "wrong-mail"}
    shop.admin.post("/applications/wrong/channels", {**channel, "config": mail})
    chat = {"slug": "chat", "name": "Chat", "notifier": "slack", "connection": "wrong-slack"}
    shop.admin.post("/applications/wrong/channels", {**chat, "config": {"channel": "#approvals"}})
    alert = {"slug": "wrong", "name": "W", "events": ["certificate.issued"], "channels": ["wrong", "chat"]}
    shop.admin.post("/applications/wrong/alerts", alert)
    for path in ("syncs/aws-acm", "syncs/azure-key-vault", "channels/wrong", "channels/chat"):
        with pytest.raises(Refused) as raised:
            shop.admin.post(f"/applications/wrong/{path}/check")
        assert CANARY not in str(raised.value)
    order = shop.order("wrong", "wrong.live.example")
    order.wait_until_issued()
    until(lambda: all(row["status"] == "failed" for row in order.deliveries()), "the refusals")
    until(lambda: refusals(shop) >= 2, "the refusals of the notifiers")


def refusals(shop: Shop) -> int:
    rows = shop.admin.get("/applications/wrong/notifications", limit=200)["items"]
    return sum(row["status"] == "failed" for row in rows)


def wrong_connections(shop: Shop) -> Iterator[tuple[str, str, dict[str, Any]]]:
    world = shop.world
    yield "wrong-aws", "aws", {**world.aws(), "secret_access_key": f"{CANARY}-aws"}
    yield "wrong-azure", "azure", {**world.azure(), "client_secret": f"{CANARY}-azure"}
    yield "wrong-mail", "smtp", {**world.smtp(), "password": f"{CANARY}-mail"}
    wrong = {"bot_token": f"xoxb-{CANARY}", "signing_secret": f"{CANARY}-signing"}
    yield "wrong-slack", "slack", {**world.workspace(), **wrong}


def secrets_of(order: Order) -> dict[str, str]:
    """Every secret by what it is."""
    shop, world = order.shop, order.shop.world
    folder = next(row["object_name"] for row in order.deliveries() if row["sync"] == "files")
    pem = (shop.folder / folder / "current" / "privkey.pem").read_text()
    scalar = load_pem_private_key(pem.encode(), None).private_numbers().private_value  # type: ignore[union-attr]
    found = {f"token of {slug}": token for slug, token in shop.tokens.items()}
    found |= {"marked credential": CANARY, "AWS secret": world.acm.secret_access_key}
    found |= {"Azure secret": world.vault.client_secret, "Slack token": world.slack.token}
    found |= {"Slack signing secret": world.slack.signing_secret, "mail password": world.smtp()["password"]}
    found |= {f"line {n} of the private key": line for n, line in enumerate(pem.splitlines()[1:-1])}
    return found | {"private scalar": f"{scalar:064x}"}


def forms(secret: str) -> Iterator[str]:
    """A secret as it is, and as it looks in the encodings that certrail and its neighbours use."""
    raw = secret.encode()
    yield from (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], raw.hex())
    for shift in range(3):  # Base64 of a longer text shows the secret in one of three alignments
        text = base64.b64encode(b"\0" * shift + raw).decode()
        yield text[4 if shift else 0 : len(text) // 4 * 4 - 4]


def leaks(text: str, secrets: dict[str, str]) -> list[str]:
    """What of the secrets is in a text."""
    low = text.lower()
    return [what for what, secret in secrets.items() if any(form.lower() in low for form in forms(secret))]


def test_the_search_finds_what_is_there(travelled: Order) -> None:
    """In every encoding, and in the middle of something else."""
    secrets = secrets_of(travelled)
    for what, secret in secrets.items():
        hidden = base64.b64encode(f'{{"password": "{secret}"}}'.encode()).decode()
        assert what in leaks(hidden, secrets)
        assert what in leaks(f"x{secret}y", secrets)
        assert what in leaks(secret.encode().hex(), secrets)


def test_nothing_in_any_file(travelled: Order) -> None:
    """Temporal's database, the logs and whatever else the installation writes."""
    folder = travelled.shop.installation.data_dir
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"temporal.db", "certrail.log"} <= {path.name for path in files}
    secrets = secrets_of(travelled)
    for path in files:
        # As Latin-1 every byte is a character, so that text is found between bytes that are none.
        assert not leaks(path.read_bytes().decode("latin-1"), secrets), path.name


def test_nothing_in_the_database(travelled: Order) -> None:
    """A dump of the application's database: sealed and hashed values, and none in clear."""
    text = dump(travelled.shop.database_url)
    assert "secret.live.example" in text
    assert not leaks(text, secrets_of(travelled))


def test_nothing_in_any_answer_of_the_api(travelled: Order) -> None:
    """Everything that can be read is read, as the one who may read everything."""
    shop, secrets = travelled.shop, secrets_of(travelled)
    answers = dict(everything_readable(shop, ("secret", "wrong")))
    assert len(answers) > 40
    for path, text in answers.items():
        assert not leaks(text, secrets), path
    events = shop.events("wrong", "delivery.failed")
    assert {event["data"]["kind"] for event in events} == {"Unauthorized"}


def everything_readable(shop: Shop, applications: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every GET route with every value of its parameters that another answer shows."""
    headers = {"Authorization": f"Bearer {shop.tokens['admin']}"}
    with httpx2.Client(
        base_url=shop.installation.url, headers=headers, timeout=60, trust_env=False
    ) as client:
        routes = client.get("/openapi.json").json()["paths"]
        known = {"applications": set(applications)}
        seen: set[str] = set()
        for _ in range(2):  # the second round follows what the first one found
            for route, verbs in routes.items():
                for path in filled(route, known) if "get" in verbs else ():
                    if path not in seen:
                        seen.add(path)
                        answer = client.get(path)
                        yield path, answer.text
                        learn(known, path, answer)


def filled(route: str, known: dict[str, set[str]]) -> Iterator[str]:
    """The paths of a route, with what lists have shown: `/syncs/{sync}` is asked for everything in `/syncs`."""
    found = re.search(r"/([a-z-]+)/{\w+}", route)
    if found is None:
        yield route
        return
    for value in sorted(known.get(found[1], set()))[:MOST]:
        yield from filled(route.replace(found[0], f"/{found[1]}/{value}", 1), known)


def learn(known: dict[str, set[str]], path: str, answer: httpx2.Response) -> None:
    """The ids in a list are those of the things that its path names."""
    if answer.is_success and "application/json" in answer.headers["content-type"]:
        body = answer.json()
        rows = body.get("items", []) if isinstance(body, dict) else []
        found = {str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row}
        known.setdefault(path.rpartition("/")[2], set()).update(found)


def test_keys_and_folders_are_for_their_owner_only(travelled: Order) -> None:
    """The key file and the delivered key."""
    folder: Path = travelled.shop.installation.data_dir
    assert (folder / "keyring.json").stat().st_mode & 0o077 == 0
    delivered = next(row["object_name"] for row in travelled.deliveries() if row["sync"] == "files")
    key = travelled.shop.folder / delivered / "current" / "privkey.pem"
    assert key.stat().st_mode & 0o077 == 0
