"""A small project of the older model, loaded once and copied for each test."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from examples.older_project.project import Json
from tests.integration.conftest import Fresh, Team
from tests.integration.older_project import Project, load_into, small_export, worked_on


@pytest.fixture(scope="session")
def exported() -> Json:
    """Its keys take time to make."""
    return small_export()


@pytest.fixture(scope="session")
def copies() -> dict[str, Callable[[], None]]:
    """By the kind of database: what puts the loaded project into it."""
    return {}


@pytest.fixture
def loaded(
    request: pytest.FixtureRequest,
    team: Team,
    exported: Json,
    copies: dict[str, Callable[[], None]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """The project at work; it delivers into a folder that is empty at first."""
    kind = "sqlite" if team.services.context.db.is_sqlite else "postgresql"
    folder = tmp_path_factory.getbasetemp() / f"older-project-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    fresh: Fresh = request.getfixturevalue(kind)
    if kind in copies:
        copies[kind]()
    else:
        load_into(team, exported, folder)
        copies[kind] = fresh.copied()
    with worked_on(team, exported, folder) as project:
        yield project
