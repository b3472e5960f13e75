"""What a revision says of the versions before it."""

import sqlalchemy as sa
from alembic import op

SUPPORT = sa.table("schema_support", sa.column("id"), sa.column("oldest_revision"))


def supports(oldest: str) -> None:
    """Write which revision is the oldest whose processes may work on the schema from now on.

    One that only expands supports the newest revision of the release before; one that contracts supports the first
    revision whose processes do without what goes. In the transaction of the migration.
    """
    op.execute(SUPPORT.delete())
    op.execute(SUPPORT.insert().values(id=1, oldest_revision=oldest))
