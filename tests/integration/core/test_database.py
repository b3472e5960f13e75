"""What the database refuses is told without what the refused rows held."""

import traceback

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from certrail.persistence.database import Database

INSERT = "insert into principal (id, kind, slug, name, active) values (:id, :kind, :slug, :name, true)"


def test_the_text_of_an_error_holds_nothing_of_the_row(database: Database) -> None:
    """Neither our parameters nor what the server adds, in the error and in the one that it came from."""
    row = {"id": "one", "kind": "user", "slug": "a-slug-to-hide", "name": "a-name-to-hide"}
    with database.write() as session, pytest.raises(IntegrityError) as refused:
        session.connection().execute(text(INSERT), row)
    reported = "".join(traceback.format_exception(refused.value)) + repr(refused.value.orig)
    assert "insert into principal" in reported
    assert "created_at" in reported, "the broken rule is named"
    for value in (row["slug"], row["name"]):
        assert value not in reported
