"""The first process of `certrail dev`: makes the keyring and brings the database up to date before others want to."""

import argparse
import sys

from sqlalchemy.exc import OperationalError

from certrail.crypto.keyring import KeyringError
from certrail.persistence.database import Database
from certrail.services.operations.schema_watch import NotMigrated, prepare
from certrail_server.bootstrap import load_keyring
from certrail_server.cli.local.installation import settings, unusable_database
from certrail_server.workers.status import Status


def main() -> None:
    """Prepare, and exit; with 1 after a refusal, whose text is sent to the parent."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--status", type=int, required=True)
    status = Status(parser.parse_args().status)
    chosen = settings()
    try:
        database = Database(chosen.database())
        try:
            prepare(database, load_keyring(chosen))
        finally:
            database.close()
    except (NotMigrated, KeyringError) as problem:
        status.send(refused=str(problem))
        sys.exit(1)
    except OperationalError as problem:
        status.send(refused=unusable_database(problem))
        sys.exit(1)


if __name__ == "__main__":
    main()
