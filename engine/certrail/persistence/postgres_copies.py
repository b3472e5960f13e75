"""Copies of a PostgreSQL database, by PostgreSQL's own `pg_dump` and `pg_restore`."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import pq
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, text
from typing_extensions import override

from certrail.persistence.copies import Contents, Copies, CopyError, contents
from certrail.persistence.database import Database

OBJECTS = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind = any(:kinds)
  and not exists (select 1 from pg_depend d where d.objid = c.oid and d.deptype = 'e')
order by c.relname
"""
"""Tables and the like that are no system's and no extension's."""
LONGEST_MESSAGE = 500


class PostgresCopies(Copies):
    """A dump in custom format. Rows are counted in the snapshot that is dumped (`pg_export_snapshot`)."""

    kind, part = "postgresql", "database.dump"

    @override
    def copy(self, database: Database, target: Path) -> Contents:
        """Write one snapshot to a new file, while others go on writing. Raises CopyError."""
        with database.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            program = _program("pg_dump", connection)
            found = contents(connection)
            snapshot = connection.execute(text("select pg_export_snapshot()")).scalar_one()
            # The transaction stays open while the other program reads: its snapshot ends with it.
            command = [program, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
            _run([*command, f"--file={target}"], connection)
        return found

    @override
    def require_empty(self, database: Database) -> None:
        """Refuse a database with any table, view or sequence. Raises CopyError."""
        with database.engine.connect() as connection:
            if there := _objects(connection, "rpvmSf"):
                raise CopyError(
                    f"The database {connection.engine.url.database} is not empty: it has {', '.join(there[:3])}"
                    f"{' and others' if there[3:] else ''}. Restore to an empty one: createdb, and set"
                    " CERTRAIL_DATABASE_URL."
                )

    @override
    @contextmanager
    def filled(self, database: Database, source: Path) -> Iterator[Database]:
        """In one transaction of `pg_restore`; its tables are dropped again if the block raises."""
        with database.engine.connect() as connection:
            program = _program("pg_restore", connection)
            name = make_conninfo(dbname=_driver(connection).info.dbname)
            command = [program, "--single-transaction", "--no-owner", "--no-privileges", f"--dbname={name}"]
            _run([*command, str(source)], connection)
        try:
            yield database
        except BaseException:
            _drop_tables(database)
            raise


def _objects(connection: Connection, kinds: str) -> Sequence[str]:
    return connection.execute(text(OBJECTS), {"kinds": list(kinds)}).scalars().all()


def _drop_tables(database: Database) -> None:
    with database.engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote
        if names := ", ".join(quote(name) for name in _objects(connection, "rp")):
            connection.execute(text(f"drop table {names} cascade"))


def _program(name: str, connection: Connection) -> str:
    if (found := shutil.which(name)) is not None:
        return found
    version = (connection.dialect.server_version_info or ("", ""))[0]
    raise CopyError(
        f"{name} is not on the PATH. Install the client programs of PostgreSQL {version} or newer, such as Debian's"
        f" package postgresql-client-{version}, and run this again."
    )


def _run(command: Sequence[str], connection: Connection) -> None:
    """Run a program against the database of a connection. Raises CopyError with what it said."""
    done = subprocess.run(
        command,
        env=_environment(_driver(connection)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:LONGEST_MESSAGE]
        raise CopyError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _environment(driver: Any) -> dict[str, str]:
    """The connection's own parameters as libpq's variables: an argument would show the password to every user."""
    given = {**driver.info.get_parameters(), "password": driver.info.password}
    if "sslpassword" in given:
        raise CopyError(
            "pg_dump and pg_restore take no password of a client key: give it a key without one for this command."
        )
    options = pq.Conninfo.get_defaults()
    variables = {option.keyword.decode(): option.envvar.decode() for option in options if option.envvar}
    ours = {variables[name]: str(value) for name, value in given.items() if value and name in variables}
    return {**os.environ, **ours, "LC_ALL": "C"}
