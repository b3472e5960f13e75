"""What commands share that work on the data of this machine, instead of calling a running certrail.

The engine is imported when they run: it takes most of the time of a start, and every other command starts without it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from certrail_server.cli.common import fail

if TYPE_CHECKING:
    from sqlalchemy.exc import OperationalError

    from certrail.services.facade import Services
    from certrail_server.bootstrap import App
    from certrail_server.settings import Settings

ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared, not listened on
ROLLED_BACK = "40"
"""Class of SQLSTATE for a deadlock and a failed serialization (PostgreSQL, "Error Codes")."""


@contextmanager
def database_errors() -> Iterator[None]:
    """End the command with a message when the database cannot be used or is not migrated."""
    from sqlalchemy.exc import OperationalError

    from certrail.services.operations.schema_watch import NotMigrated

    try:
        yield
    except NotMigrated as problem:
        fail(str(problem))
    except OperationalError as problem:
        fail(unusable_database(problem))


def unusable_database(problem: "OperationalError") -> str:
    """Why, without the password."""
    if str(getattr(problem.orig, "sqlstate", "")).startswith(ROLLED_BACK):
        return "Another change was in the way of this one, which was not recorded. Run the command again."
    return f"The database cannot be used; see CERTRAIL_DATABASE_URL. {' '.join(str(problem.orig).split())}"


@contextmanager
def refusals() -> Iterator[None]:
    """End the command with the refusal of a use case."""
    from certrail.domain.errors import CertrailError

    try:
        yield
    except CertrailError as refusal:
        fail(refusal.detail)


def settings() -> "Settings":
    """The settings of this process, with logging set up by them."""
    from pydantic import ValidationError

    from certrail.domain.faults import describe_faults
    from certrail_server import logs
    from certrail_server.settings import Settings

    try:
        found = Settings()
    except ValidationError as problem:
        faults = (
            f"CERTRAIL_{field.upper()}: {message}" if field else message
            for field, message in describe_faults(problem)
        )
        fail("The settings are wrong. " + "; ".join(faults))
    logs.configure(found.log_level, found.log_format)
    # What these commands write is for this account only: databases, their journals, the keyring, state of `dev`.
    os.umask(0o077)
    return found


def joined(*, make: bool = False) -> "App":
    """The parts of this process.

    Args:
        make: whether this command may start an installation; to any other, an empty folder is the wrong one.
    """
    from certrail.crypto.keyring import KeyringError
    from certrail.pki.weak_keys import BlocklistError
    from certrail_server.bootstrap import build

    chosen = settings()
    if not make:
        require_data(chosen)
    try:
        return build(chosen, make_keyring=make)
    except (KeyringError, BlocklistError) as problem:
        fail(str(problem))


def services() -> "Services":
    """The services, on a database that exists and is migrated."""
    from certrail.services.operations.schema_watch import prepare

    parts = joined()
    with database_errors():
        prepare(parts.context.db, parts.context.keyring)
    return parts.services


def require_data(chosen: "Settings") -> None:
    """End the command where there is no data."""
    if not chosen.has_data():
        fail(
            f"there is no certrail data in {folder_of(chosen)}: run this where `certrail dev` runs, or set"
            " CERTRAIL_DATA_DIR / CERTRAIL_DATABASE_URL"
        )


def url_of(chosen: "Settings") -> str:
    """Where the server of this installation is reached."""
    host = "127.0.0.1" if chosen.host in ANYWHERE else chosen.host
    return chosen.public_url or f"http://{f'[{host}]' if ':' in host else host}:{chosen.port}"


def folder_of(chosen: "Settings") -> Path:
    """Where the data is looked for."""
    file = chosen.database_file()
    return (file.parent if file else chosen.data_dir).resolve()
