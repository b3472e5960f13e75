"""All selectors of an Application are compared while others wait to write, so they are few and fast."""

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.conftest import Team

from certrail.domain.errors import Conflict
from certrail.domain.patterns import MOST_ASTERISKS, FoldedTexts, like_ignoring_case, with_few_asterisks
from certrail.services.alerting import alerts
from certrail.services.inventory import selectors
from certrail.services.inventory.selectors import MOST_PATTERNS, CertificateSelector, Selectable, matches

TEXTS = st.text(alphabet="aBß.*\\", max_size=12)


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_prepared_patterns_fit_the_same_names(names: list[str], patterns: list[str]) -> None:
    slowly = any(like_ignoring_case(name, patterns) for name in names)
    assert FoldedTexts(names).fit_any(patterns) == slowly


def test_the_costliest_filters_of_an_application_take_less_than_a_second_or_two() -> None:
    """All the patterns that an Application has, over 100 names that fit each up to its second half."""
    half, per_alert = "a" * 60 + "b" + "a" * 20, 50
    patterns = [with_few_asterisks(f"*{half}*{half}*{n}*") for n in range(MOST_PATTERNS)]
    filters = [{"names": patterns[n : n + per_alert]} for n in range(0, MOST_PATTERNS, per_alert)]
    names = Selectable("", None, [half + "a" * 150 + f"{n:04}" for n in range(100)], None)
    began = time.perf_counter()
    assert not any(matches(stored, names) for stored in filters)
    assert time.perf_counter() - began < 5


def test_a_pattern_has_so_many_asterisks() -> None:
    most = "a*" * MOST_ASTERISKS
    assert with_few_asterisks(most + "\\*") == most + "\\*"
    with pytest.raises(ValueError, match="at most 8 asterisks; this one has 9"):
        with_few_asterisks(most + "*")


def alert(team: Team, slug: str, *names: str) -> None:
    given: dict[str, Any] = {"events": ["certificate.issued"], "channels": ["mail"]}
    given["filters"] = CertificateSelector(names=names)
    team.services.alerts.create_alert(team.admin, team.application, slug=slug, name=slug, **given)


def test_an_application_has_so_many_alerts(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "MOST_ALERTS", 2)
    mail(team)
    alert(team, "one")
    alert(team, "two")
    with pytest.raises(Conflict, match="There are 2 alerts already"):
        alert(team, "three")
    team.services.alerts.delete_alert(team.admin, team.application, "one")
    alert(team, "three")


def test_the_alerts_and_the_syncs_of_an_application_have_so_many_patterns(
    team: Team, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(selectors, "MOST_PATTERNS", 3)
    mail(team)
    alert(team, "one", "a", "b")
    with pytest.raises(Conflict, match="All alerts of an Application have at most 3 patterns"):
        alert(team, "two", "c", "d")
    alert(team, "two", "c")
    alert(team, "without")
    update = team.services.alerts.update_alert
    with pytest.raises(Conflict, match="All alerts"):
        update(team.admin, team.application, "two", filters=CertificateSelector(names=("c", "d")))
    update(team.admin, team.application, "one", filters=CertificateSelector(names=("a", "c")))
    team.services.connections.create(
        team.admin, slug="folder", name="Folder", type_="folder", config={"root": str(tmp_path)}
    )
    with pytest.raises(Conflict, match="All syncs of an Application have at most 3 patterns"):
        team.services.syncs.create(
            team.admin,
            team.application,
            slug="files",
            name="Files",
            destination="files",
            connection="folder",
            config={},
            selection=CertificateSelector(names=("a", "b", "c", "d")),
        )


def mail(team: Team) -> None:
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
