"""The page of today says what is wrong with plugins and channels, to those whose they are."""

from datetime import timedelta

import pytest
from tests.integration.console.conftest import Site
from tests.support.statements import statements

from certrail.domain.access import Role
from certrail.domain.content import Subject
from certrail.persistence.tables import Channel, Delivery
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


def test_what_ends_is_chosen_by_application_and_authority(site: Site) -> None:
    services, admin = site.team.services, site.team.admin
    services.applications.create(admin, slug="spare", name="Spare", profiles=["web"])
    services.authorities.create_intermediate(
        admin, slug="inner", name="Inner", subject=Subject(common_name="Inner"), parent="root"
    )
    with site.browser("above") as browser:
        for query, count in (
            ("", 1),
            ("?application=app", 1),
            ("?application=spare", 0),
            ("?authority=root", 1),
        ):
            seen = browser.get(f"/console{query}").text
            assert f"<b>{count}</b><span>end within 13 weeks" in seen, query
        assert "<b>0</b><span>end within 13 weeks" in browser.get("/console?authority=inner").text
        seen = browser.get("/console?authority=root").text
        link = seen.partition('href="/console/applications/app/certificates?expires_after=')[2].partition(
            '"'
        )[0]
        assert "issuer=root" in link, "the list has the same certificates"
        listed = browser.get(
            f"/console/applications/app/certificates?expires_after={link.replace('&amp;', '&')}"
        )
        assert listed.text.count("<tr>") == 2
    with site.browser("ann") as browser:
        seen = browser.get("/console").text
        assert 'href="/console?application=app#ends"' in seen
        assert 'href="/console/applications/app/certificates?expires_after=' in seen
        assert "<b>0</b><span>end within 13 weeks" not in browser.get("/console?application=spare").text


def test_planned_renewals_are_in_the_weeks_of_their_plan(site: Site) -> None:
    inventory, clock = site.team.services.inventory, site.team.clock
    assert len(inventory.renewing_in(None, clock() + timedelta(weeks=13), 10)) == 1
    assert 'class="renewals"' in today(site, "ann")
    site.team.services.renewals.decide(site.team.admin, site.objects["certificate_id"], False)
    assert len(inventory.renewing_in(None, clock() + timedelta(weeks=13), 10)) == 0


def test_a_delivery_that_nobody_makes_is_wrong(site: Site) -> None:
    services, team = site.team.services, site.team
    (found, _), *_ = services.deliveries.list(team.application)
    with services.context.db.write() as session:
        row = session.get_one(Delivery, found.id)
        row.status, row.last_error, row.next_try_at = "pending", None, None
        row.generation, row.desired_at, row.slot_at = row.observed_generation + 1, team.clock(), None
        session.add(row)
    assert "It should have been delivered" not in today(site, "ann")
    team.clock.advance(timedelta(minutes=11))
    assert "It should have been delivered" in today(site, "ann")
    assert "It should have been delivered" not in today(site, "zoe")
    with services.context.db.write() as session:
        row = session.get_one(Delivery, found.id)
        row.slot_at = team.clock() + timedelta(minutes=5)
        session.add(row)
    assert "It should have been delivered" not in today(site, "ann"), "it waits for its slot"


def test_a_certificate_says_what_evaluated_it_and_who_must_act(site: Site) -> None:
    path = site.path("/console/certificates/{certificate_id}")
    with site.browser("ann") as browser:
        seen = browser.get(path).text
        assert '<a href="/console/policies/tls">tls</a>, version 1' in seen
        assert "Must act" in seen
        site.team.services.catalog.update_profile(site.team.admin, "web", ttl=timedelta(days=9))
        seen = browser.get(path).text
        assert '<a href="/console/profiles/web">web</a>, version 1; policy version 1' in seen
