"""The console says what an older project still holds, and where each of it would go."""

import httpx2
import pytest
from tests.integration.conftest import Team
from tests.integration.console.conftest import HTML
from tests.integration.older_project import Project
from tests.support.statements import statements

pytestmark = pytest.mark.any_database

PAGE = "/console/older-project"


def page(project: Project, who: str, path: str = PAGE) -> httpx2.Response:
    """A page as somebody reads it."""
    project.call(who, "GET", "/me")
    headers = {**HTML, "authorization": f"Bearer {project.tokens[who]}"}
    return project.client.get(path, headers=headers)


def test_a_thing_goes_where_its_profile_is_attached(loaded: Project) -> None:
    services, admin = loaded.team.services, loaded.team.admin
    before = services.placements.older_project()
    assert before.profiles
    assert all(not each.placement.applications for each in before.profiles)
    services.applications.create(admin, slug="acme-shop", name="Shop", profiles=["acme-web", "acme-internal"])
    services.applications.create(admin, slug="acme-plant", name="Plant", profiles=["acme-web"])
    with statements(services.context.db) as sent:
        after = services.placements.older_project()
    assert len(sent) <= 11, "\n".join(sent)
    ways = {each.slug: list(each.placement.applications) for each in after.profiles}
    assert ways["acme-web"] == ["acme-plant", "acme-shop"]
    assert ways["acme-internal"] == ["acme-shop"]
    for mine in ("syncs", "alerts", "channels", "approval_policies", "members"):
        path = f"/{mine.replace('_', '-')}"
        theirs = [each for each in loaded.items(path) if not each.get("product_wide")]
        assert len(getattr(after, mine)) == len(theirs), mine
    held = loaded.items("/certificates?application=none")
    assert sum(each.lineages for each in after.profiles) + after.without_profile == len(
        {each["lineage_id"] for each in held}
    )
    seen = page(loaded, "admin").text
    for name in (*(each.name for each in (*after.syncs, *after.alerts, *after.channels)), "acme-shop"):
        assert name in seen, name


def test_its_members_and_product_admins_read_it_and_nobody_else(loaded: Project) -> None:
    loaded.team.person("stranger")
    member = loaded.items("/members")[0]["principal"]
    for who in ("admin", member):
        assert page(loaded, who).status_code == 200
        assert f'href="{PAGE}"' in page(loaded, who, "/console/applications").text
    assert page(loaded, "stranger").status_code == 404
    assert PAGE not in page(loaded, "stranger", "/console/applications").text
    answer = loaded.client.post(PAGE, headers={"authorization": f"Bearer {loaded.tokens['admin']}"})
    assert answer.status_code == 405, "it only reads"


def test_where_nothing_is_left_it_says_so(team: Team) -> None:
    assert not team.services.placements.has_any()
    assert team.services.placements.older_project().is_empty
