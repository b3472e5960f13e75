"""What becomes of a profile, and of an Application, with ACME accounts."""

import pytest
from sqlmodel import select
from tests.integration.enrollment.acme_world import AcmeWorld

from certrail.domain.errors import Conflict
from certrail.persistence.tables import AcmeAccount, AcmeOrder


def test_a_profile_with_accounts_stays_on_record(acme: AcmeWorld) -> None:
    acme.client()
    team = acme.team
    team.services.applications.detach_profile(team.admin, team.application, "web")
    with pytest.raises(Conflict, match="ACME accounts") as refused:
        team.services.catalog.delete_profile(team.admin, "web")
    assert refused.value.kind == "in-use"


def test_an_application_goes_with_its_accounts_and_orders(acme: AcmeWorld) -> None:
    acme.here("a.example.com")
    client, team = acme.client(), acme.team
    client.certificate("a.example.com")
    team.person("ada")
    team.services.external_account_keys.create(team.admin, team.application, "web", "one")
    preview = team.services.deletions.preview(team.application)
    team.services.deletions.delete(team.admin, team.application, preview.confirm)
    with team.services.context.db.read() as session:
        assert session.exec(select(AcmeAccount)).all() == []
        assert session.exec(select(AcmeOrder)).all() == []
