"""The page of an approval, whatever is approved."""

import pytest
from tests.integration.conftest import Team
from tests.integration.console.conftest import Site
from tests.integration.enrollment.acme_world import acme_world
from tests.support.web import serving

from certrail.domain.access import Role
from certrail.domain.states import ApprovalStatus
from certrail.services.approvals.policies import Step

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_an_acme_order_is_shown(team: Team) -> None:
    team.person("ada", Role.OPERATOR)
    team.guard(Step("One", ("ada",)))
    with acme_world(team) as acme, serving(team.services) as url:
        acme.here("a.example.com")
        acme.client().order("a.example.com")
        (approval,) = team.services.approvals.inbox(team.actor("ada"), status=ApprovalStatus.OPEN, limit=2)
        with Site(team, url).browser("ada") as browser:
            shown = browser.get(f"/console/approvals/{approval.id}")
            assert shown.status_code == 200, shown.text
            assert "a.example.com" in shown.text
            assert "made and held by the client" in shown.text
