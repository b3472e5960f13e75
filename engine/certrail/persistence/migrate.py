"""Brings a database to the schema of this version.

Alembic is loaded only when there is something to do: every process looks, and nearly always there is nothing.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text

from certrail.persistence.database import Database

SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database, empty_head: Callable[[], Mapping[str, Any]], revision: str = "head") -> None:
    """Apply what is missing; doing it twice is fine.

    Args:
        empty_head: makes the sealed head of the audit log that a new database gets, in the transaction of its schema.
    """
    if revision == "head" and not pending(database):
        return
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with database.engine.execution_options(certrail_write=True).connect() as connection:
        config.attributes["connection"] = connection
        config.attributes["audit_head"] = empty_head
        command.upgrade(config, revision)
        connection.commit()


def pending(database: Database) -> bool:
    """Whether the database is behind this version."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return True
        present = connection.execute(text("select version_num from alembic_version")).scalar()
    return bool(present != newest())


def newest() -> str:
    """The last revision, by the names of the scripts: ``v0001_schema.py`` makes revision 0001."""
    return max(script.name[1:5] for script in (SCRIPTS / "versions").glob("v[0-9]*.py"))
