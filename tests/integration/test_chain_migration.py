"""Events from before the chain are chained by the migration."""

from pathlib import Path

from sqlalchemy import text

from certrail.crypto.keyring import Keyring
from certrail.persistence.database import Database
from certrail.persistence.migrate import migrate
from certrail.services.core.audit_log import Record

OLD = """insert into event (seq, id, created_at, type, subject_type, subject_id, actor_name, data)
         values (:seq, :id, '2026-01-02 03:04:05.000600', 'x.done', 'x', '1', 'certrail', '{"b": [1], "a": "ü"}')"""


def test_present_events_are_numbered_and_chained(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.db'}")
    migrate(database, "0006")
    with database.engine.begin() as connection:
        for seq in (2, 3, 7):
            connection.execute(text(OLD), {"seq": seq, "id": f"e{seq}"})
    migrate(database)
    record = Record(database, Keyring.generate())
    assert [(event.seq, event.id) for event in record.events(None)] == [(1, "e2"), (2, "e3"), (3, "e7")]
    assert record.verify().faults == [
        "the head has no seal: the record is older than its chain; the next event sets one"
    ]
    database.close()
