"""ACME clients of others that wait, come back, or come by themselves: lego with an approval, Caddy with a moved window.

`make interop` runs this. The approval is given in Slack's fake; certbot does the same in `make test`.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.conftest import Fresh
from tests.integration.conftest import plugins as plugins
from tests.integration.conftest import sqlite as sqlite
from tests.integration.enrollment.acme_world import AcmeWorld
from tests.integration.slack_world import SlackWorld, connect, open_channel, step
from tests.interop.acme_clients import NAME, caddy, issued, lego, opened_acme, shown_certificate
from tests.interop.debian import until

from certrail.plugins.registry import PluginRegistry
from certrail.services.enrollment.acme import renewal_info
from certrail_fakes.slack import SlackServer
from certrail_server.ports import free_port


@pytest.fixture
def acme(sqlite: Fresh, plugins: PluginRegistry, tmp_path: Path) -> Iterator[AcmeWorld]:
    with opened_acme(sqlite, plugins, tmp_path) as world:
        yield world


def test_lego_that_gave_up_comes_back_without_a_second_question(acme: AcmeWorld, tmp_path: Path) -> None:
    slack, port = SlackServer().start(), free_port()
    acme.settings(http_port=port)
    connect(acme.team, slack, "workspace")
    world = SlackWorld(acme.team, slack, acme.url, open_channel(acme.team, "approvals"))
    world.person("ann")
    acme.team.guard(step("Owners", "ann"))
    options = ("--http", "--http.port", f"127.0.0.1:{port}", "--cert.timeout", "3", "run")
    try:
        assert "time limit exceeded" in lego(acme, tmp_path, *options, fails=True)
        asyncio.run(world.refresh())
        (message,) = slack.messages
        assert asyncio.run(world.click("ann", message)).status == 200
        assert not issued(acme), "the key of the order is gone"
        lego(acme, tmp_path, *options)
        asyncio.run(world.refresh())
    finally:
        slack.stop()
    assert len(issued(acme)) == 1
    assert len(slack.messages) == 1


def test_caddy_comes_by_itself_once_the_window_was_moved(
    acme: AcmeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = timedelta(seconds=1)
    monkeypatch.setattr(renewal_info, "LONGEST_PAUSE", pause)
    monkeypatch.setattr(renewal_info, "SHORTEST_PAUSE", pause)
    with caddy(acme, tmp_path, "renew_interval 1s") as https:
        first = shown_certificate(https)
        acme.replace_all()
        until(lambda: shown_certificate(https) not in (first, None), f"the next certificate of {NAME}")
    assert sorted(row.status for row in issued(acme)) == ["active", "superseded"]
    assert len({row.lineage_id for row in issued(acme)}) == 1
