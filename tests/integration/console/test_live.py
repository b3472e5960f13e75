"""Open pages learn that something changed, and of nothing that their reader may not see."""

import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest
from tests.integration.conftest import Team
from tests.integration.console.conftest import Site
from tests.support.web import serving

from certrail.domain.access import Role
from certrail_server.console.live import MOST_OF_ONE
from certrail_server.settings import Settings

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PATIENCE = 30.0


@contextmanager
def listening(browser: httpx2.Client, path: str) -> Iterator["queue.Queue[str]"]:
    """The lines of a stream, once it is open."""
    lines: queue.Queue[str] = queue.Queue()
    with browser.stream("GET", path) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream"

        def read() -> None:
            try:
                for line in filter(None, answer.iter_lines()):
                    lines.put(line)
            except httpx2.TransportError:
                pass
            lines.put("end")

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        assert lines.get(timeout=PATIENCE).startswith("retry:")
        yield lines
        # Closing it would not wake the thread that reads from it.
        with suppress(OSError):
            answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)


def until_changed(lines: "queue.Queue[str]") -> None:
    while lines.get(timeout=PATIENCE) != "event: changed":
        pass


def seq(site: Site) -> int:
    return site.team.services.audit_log.head().seq


def test_a_vote_changes_the_pages_of_everybody_else(site: Site) -> None:
    path = site.path("/console/approvals/{approval_id}/changes")
    today = f"/console/changes?after={seq(site)}"
    with (
        site.browser("ann") as ann,
        site.browser("eve") as eve,
        listening(ann, f"{path}?after={seq(site)}") as first,
        listening(eve, today) as second,
    ):
        site.team.services.approvals.vote(site.team.actor("bob"), site.objects["approval_id"], "approve")
        until_changed(first)
        until_changed(second)


def test_what_happened_before_the_stream_was_open_is_not_missed(site: Site) -> None:
    before = seq(site)
    site.team.services.deliveries.retry(site.team.admin, site.objects["delivery_id"])
    path = site.path("/console/certificates/{certificate_id}/changes")
    with site.browser("ann") as browser:
        with listening(browser, f"{path}?after={before}") as lines:
            until_changed(lines)
        browser.headers["last-event-id"] = str(seq(site))
        with listening(browser, f"{path}?after={before}") as lines:
            site.team.services.revocation.revoke(site.team.admin, site.objects["certificate_id"])
            until_changed(lines)


def test_others_learn_nothing(site: Site) -> None:
    paths = [
        site.path(f"/console/{what}/changes")
        for what in ("approvals/{approval_id}", "certificates/{certificate_id}")
    ]
    with site.browser("zoe") as browser:
        for path in paths:
            assert browser.get(f"{path}?after=0").status_code == 404
        with listening(browser, f"/console/changes?after={seq(site)}") as lines:
            site.team.services.approvals.vote(site.team.actor("bob"), site.objects["approval_id"], "approve")
            other = site.team.services.applications.create(site.team.admin, slug="other", name="Other")
            site.team.services.applications.set_member(site.team.admin, other.id, "zoe", Role.AUDITOR)
            with listening(browser, f"/console/changes?after={seq(site)}") as seen:
                site.team.services.applications.update(site.team.admin, other.id, name="Changed")
                until_changed(seen)
            assert lines.empty(), "what happened elsewhere came before, and was not for this reader"
    with site.browser() as stranger:
        assert (
            stranger.get("/console/changes?after=0", headers={"accept": "text/event-stream"}).status_code
            == 401
        )


def test_one_reader_has_a_limited_number_of_streams(site: Site) -> None:
    with site.browser("ann") as browser:
        open_streams = []
        for _ in range(MOST_OF_ONE):
            stream = listening(browser, f"/console/changes?after={seq(site)}")
            stream.__enter__()
            open_streams.append(stream)
        refused = browser.get("/console/changes?after=0")
        assert refused.status_code == 204, "the browser does not try again"
        for stream in open_streams:
            stream.__exit__(None, None, None)


def test_a_server_that_stops_waits_for_no_stream(team: Team, tmp_path: Path) -> None:
    team.person("ann")
    settings = Settings.model_validate({"data_dir": str(tmp_path)})
    with serving(team.services, settings=settings) as url:
        site = Site(team, url)
        browser = site.browser("ann")
        stream = listening(browser, f"/console/changes?after={seq(site)}")
        lines = stream.__enter__()
    assert lines.get(timeout=5) == "end"
    browser.close()
