"""The page of today says what is wrong with plugins and channels, to those whose they are."""

import pytest
from tests.integration.console.conftest import Site
from tests.support.statements import statements

from certrail.domain.access import Role
from certrail.persistence.tables import Channel
from certrail.services.integrations.plugin_faults import CallFault

pytestmark = pytest.mark.any_database


def today(site: Site, who: str) -> str:
    with site.browser(who) as browser:
        answer = browser.get("/console")
    assert answer.status_code == 200
    return answer.text


def test_silent_channels_and_harmful_plugins_are_named(site: Site) -> None:
    assert "Channel Mail" not in today(site, "ann")
    services = site.team.services
    (channel,) = services.channels.list(site.team.application)
    with services.context.db.write() as session:
        row = session.get_one(Channel, channel.id)
        row.failing_since = site.team.clock()
        session.add(row)
    services.plugin_faults.record(
        CallFault("destination-files", "1.0", "deliver", "held the process", harmful=True)
    )
    for who in ("ann", "eve", "above"):
        seen = today(site, who)
        assert "Channel Mail" in seen
        assert ("held the process in the verb deliver" in seen) == (who == "above")
    assert "Channel Mail" not in today(site, "zoe")


def test_many_approvals_cost_no_more_statements_than_one(site: Site) -> None:
    for number in range(6):
        site.team.ask(site.team.admin, f"more-{number}.example.com")
    site.team.services.applications.set_member(site.team.admin, site.team.application, "above", Role.ADMIN)
    for who in ("ann", "above"):
        with site.browser(who) as browser, statements(site.team.services.context.db) as sent:
            text = browser.get("/console").text
        assert len(sent) <= 20, "\n".join(statement[:200] for statement in sent)
        assert text.count('name="decision" value="approve"') == (5 if who == "ann" else 0)


def test_the_next_weeks_are_counted_by_their_plan(site: Site) -> None:
    seen = today(site, "ann")
    assert "<b>1</b><span>end within 13 weeks</span>" in seen
    services = site.team.services
    services.renewals.decide(site.team.admin, site.objects["certificate_id"], False)
    assert "end within 13 weeks, 1 without a planned renewal" in today(site, "ann")
    assert "<b>0</b><span>end within 13 weeks</span>" in today(site, "zoe")
