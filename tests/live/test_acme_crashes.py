"""A worker dies while an ACME client waits: its challenge is validated and its order issued once, and it goes on."""

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from examples.demo.installation import until
from josepy.jwk import JWKEC
from tests.integration.enrollment.acme_world import AcmeClient, soon, web_server
from tests.live.doomed import Doomed, doomed_in

from certrail_fakes.dns import dns_server

pytestmark = [pytest.mark.crash, pytest.mark.endurance]
VALIDATING = ("validation.begin", "validation.checked", "validation.committed")
ISSUING = ("issuance.signed", "issuance.committed")


@pytest.fixture(scope="module")
def doomed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doomed]:
    with doomed_in(tmp_path_factory.mktemp("acme")) as doomed:
        yield doomed


def is_ready(client: AcmeClient, url: str) -> bool:
    """Whether every challenge of an order is valid."""
    return bool(client.post(url, None).json()["status"] == "ready")


def test_killed_while_a_client_waits(doomed: Doomed) -> None:
    admin = doomed.live_stack.admin
    with dns_server() as dns, web_server() as web:
        settings = {
            "allowed_networks": ["127.0.0.0/8"],
            "resolvers": [dns.address],
            "http_port": web.port,
        }
        urls = admin.put("/applications/acm/profiles/web/enrollment/acme", settings)["urls"]
        world = cast(Any, SimpleNamespace(directory=urls["directory"], web=web))
        client = AcmeClient(world, JWKEC(key=ec.generate_private_key(ec.SECP256R1())))
        client.register()
        names = {
            place: f"acme-{place.replace('.', '-').replace('_', '-')}.live.example"
            for place in (*VALIDATING, *ISSUING)
        }
        for place, name in names.items():
            dns.set(name, "A", ["127.0.0.1"])
            order = client.order(name)
            if place in VALIDATING:
                doomed.die_at(place)
            client.show_by_http(order)
            if place in VALIDATING:
                doomed.wait_until_died_at(place)
            until(partial(is_ready, client, order.uri), f"{name} is ready")
            if place in ISSUING:
                doomed.die_at(place)
            order = client.acme.begin_finalization(client.acme.poll_authorizations(order, soon()))
            if place in ISSUING:
                doomed.wait_until_died_at(place)
            assert client.acme.poll_finalization(order, soon()).fullchain_pem
        found = admin.get("/applications/acm/certificates", limit=100)["items"]
    issued = [row["common_name"] or row["names"]["dns"][0] for row in found]
    assert sorted(issued) == sorted(names.values()), "one certificate each"
