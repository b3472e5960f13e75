"""The schema that the migrations make is the one that the code expects."""

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel
from tests.integration.conftest import KEYRING

from certrail.persistence import tables
from certrail.persistence.database import Database
from certrail.persistence.migrate import SCRIPTS, migrate, newest, pending
from certrail.services.core.audit_seal import empty_head


def test_the_scripts_are_named_by_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == newest()
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        assert script.path.rpartition("/")[2].startswith(f"v{script.revision}_")


def test_the_migrations_make_what_the_code_expects(database: Database) -> None:
    assert tables.__all__
    assert not pending(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, SQLModel.metadata)
    assert differences == []


def test_an_empty_database_is_behind(tmp_path: object) -> None:
    database = Database(f"sqlite:///{tmp_path}/empty.db")
    assert pending(database)
    migrate(database, lambda: empty_head(KEYRING))
    assert not pending(database)
    migrate(database, lambda: empty_head(KEYRING))
    database.close()
