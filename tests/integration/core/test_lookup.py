"""Rows are found by slug or id: within one scope where a slug is unique only there."""

import pytest
from tests.integration.conftest import Team

from certrail.domain.errors import Conflict, NotFound
from certrail.persistence.tables import Application, SavedSearch
from certrail.services.core.actor import SYSTEM
from certrail.services.core.changes import UNCHANGED
from certrail.services.core.lookup import find, patch
from certrail.services.core.unit_of_work import UnitOfWork


def view(uow: UnitOfWork, ident: str, application_id: str) -> None:
    uow.session.add(
        SavedSearch(
            id=ident, created_at=uow.now, application_id=application_id, slug="mine", name="Mine", filter={}
        )
    )


def test_a_slug_names_another_row_in_another_scope(team: Team) -> None:
    other = team.services.applications.create(team.admin, slug="other", name="Other").id
    with team.services.context.unit_of_work(SYSTEM) as uow:
        view(uow, "view-here", team.application)
        view(uow, "view-there", other)
    with team.services.context.db.read() as session:
        for scope, ident in ((team.application, "view-here"), (other, "view-there")):
            assert find(session, SavedSearch, "mine", "view", scope=scope).id == ident
            assert find(session, SavedSearch, ident, "view", scope=scope).id == ident
        with pytest.raises(NotFound, match="view 'view-there'"):
            find(session, SavedSearch, "view-there", "view", scope=team.application)
        with pytest.raises(NotFound, match="view 'mine'"):
            find(session, SavedSearch, "mine", "view", scope=None)
        assert find(session, Application, "other", "Application").id == other


def test_a_patch_changes_what_is_given_and_says_what_was_there(team: Team) -> None:
    team.services.applications.create(team.admin, slug="other", name="Other")
    with team.services.context.unit_of_work(SYSTEM) as uow:
        row = find(uow.session, Application, "other", "Application")
        before, after = patch(uow.session, row, slug="next", name=UNCHANGED, description="Described")
        with pytest.raises(Conflict, match="'next' is taken"):
            patch(uow.session, find(uow.session, Application, team.application, "Application"), slug="next")
        assert patch(uow.session, row, slug="next") == ({"slug": "next"}, {"slug": "next"})
    assert before == {"slug": "other", "name": "Other", "description": ""}
    assert after == {"slug": "next", "name": "Other", "description": "Described"}
    with team.services.context.db.read() as session:
        assert find(session, Application, "next", "Application").description == "Described"
