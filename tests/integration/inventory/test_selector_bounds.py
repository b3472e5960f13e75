"""All selectors of an Application are compared while others wait to write, so they are few and fast."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.conftest import Team

from certrail.domain.errors import Conflict
from certrail.domain.patterns import any_fits, like_ignoring_case
from certrail.services.alerting import alerts
from certrail.services.inventory.selectors import Selectable, matches

TEXTS = st.text(alphabet="aBß.*\\", max_size=12)


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_prepared_patterns_fit_the_same_names(names: list[str], patterns: list[str]) -> None:
    slowly = any(like_ignoring_case(name, patterns) for name in names)
    assert any_fits([name.casefold() for name in names], patterns) == slowly


def test_the_costliest_filters_of_an_application_take_less_than_a_second_or_two() -> None:
    """200 alerts of 50 patterns of 256 characters, over 100 names of 250."""
    pieces = "*" + ("a" * 20 + "*") * 11
    filters = [{"names": [f"{pieces}{n:04}{m:04}"[:256] for m in range(50)]} for n in range(200)]
    names = Selectable("", None, ["a" * 240 + f"{n:04}.com" for n in range(100)], None)
    began = time.perf_counter()
    assert not any(matches(stored, names) for stored in filters)
    assert time.perf_counter() - began < 5


def alert(team: Team, slug: str) -> None:
    given: dict[str, Any] = {"events": ["certificate.issued"], "channels": ["mail"]}
    team.services.alerts.create_alert(team.admin, team.application, slug=slug, name=slug, **given)


def test_an_application_has_so_many_alerts(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "MOST_ALERTS", 2)
    smtp = {"host": "127.0.0.1", "port": 9}
    team.services.connections.create(team.admin, slug="mail", name="Mail", type_="smtp", config=smtp)
    config = {"sender": "a@example.com", "recipients": ["b@example.com"]}
    team.services.channels.create(
        team.admin,
        team.application,
        slug="mail",
        name="Mail",
        notifier="email",
        connection="mail",
        config=config,
    )
    alert(team, "one")
    alert(team, "two")
    with pytest.raises(Conflict, match="There are 2 alerts already"):
        alert(team, "three")
    team.services.alerts.delete_alert(team.admin, team.application, "one")
    alert(team, "three")
