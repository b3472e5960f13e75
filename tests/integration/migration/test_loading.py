"""An export of the older model is loaded whole, once, or refused."""

import copy
import json
from pathlib import Path

import pytest
from examples.older_project.project import Json
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from sqlmodel import select
from tests.integration.conftest import Team
from tests.integration.older_project import Project

from certrail.domain.errors import Conflict
from certrail.persistence.tables import Certificate, Delivery
from certrail.services.migration.document import ProjectExport, schema
from certrail.services.migration.loading import Loader


class TestLoading:
    """`certrail migration load`."""

    def test_loading_again_changes_nothing(self, loaded: Project) -> None:
        loaded.ok("admin", "PATCH", "/syncs/hosts-web", {"name": "Mine now"})
        outcome = Loader(loaded.team.services, ProjectExport.model_validate(loaded.export)).run()
        assert outcome.loaded == {}
        assert sum(outcome.kept.values()) == 5 + 2 + 2 + 3 + 4 + 2 + 5 + 2 + 4 + 3
        assert loaded.ok("admin", "GET", "/syncs/hosts-web")["name"] == "Mine now"

    def test_one_that_was_interrupted_is_completed(self, team: Team, exported: Json, tmp_path: Path) -> None:
        export = copy.deepcopy(exported)
        export["connections"][0]["config"]["root"] = str(tmp_path)

        def stop(kind: str, done: int, _of: int) -> None:
            if (kind, done) == ("certificates", 3):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Loader(team.services, ProjectExport.model_validate(export), stop).run()
        outcome = Loader(team.services, ProjectExport.model_validate(export)).run()
        assert outcome.kept["certificates"] == 3
        assert outcome.loaded["certificates"] == 2
        with team.services.context.db.read() as session:
            assert len(session.exec(select(Delivery)).all()) == 5

    def test_names_that_others_have_are_refused_before_anything_is_loaded(
        self, team: Team, exported: Json
    ) -> None:
        export = copy.deepcopy(exported)
        export["policies"][0]["slug"] = "tls"
        export["profiles"] = [{**profile, "policy": "tls"} for profile in export["profiles"]]
        with pytest.raises(Conflict, match="policy tls"):
            Loader(team.services, ProjectExport.model_validate(export)).run()
        with team.services.context.db.read() as session:
            assert session.exec(select(Certificate)).first() is None

    def test_what_is_named_must_be_there(self, exported: Json) -> None:
        export = copy.deepcopy(exported)
        export["policies"] = []
        export["alerts"].append(export["alerts"][0])
        with pytest.raises(ValidationError) as wrong:
            ProjectExport.model_validate(export)
        assert "profile acme-web names the policy 'acme-servers', which is not in the export" in str(
            wrong.value
        )
        assert "alerts holds 'new' twice" in str(wrong.value)

    def test_the_example_follows_the_published_schema(self, exported: Json) -> None:
        published = Path(__file__).parents[3] / "docs" / "reference" / "project-export.schema.json"
        document = json.loads(published.read_text())
        assert document == json.loads(json.dumps(schema()))
        Draft202012Validator.check_schema(document)
        Draft202012Validator(document).validate(exported)
        broken = {**exported, "format": "something-else"}
        assert not Draft202012Validator(document).is_valid(broken)

    def test_private_keys_are_in_no_text_of_the_export(self, exported: Json) -> None:
        export = ProjectExport.model_validate(exported)
        assert "PRIVATE KEY" not in repr(export)
        assert "PRIVATE KEY" not in str(export.authorities)
