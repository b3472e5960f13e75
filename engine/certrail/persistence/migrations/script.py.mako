"""${message}"""

import sqlalchemy as sa
from alembic import op

from certrail.persistence.migrations.support import supports

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
    # The newest revision of the release before, whose processes run beside ours, unless this takes away what they use.
    supports(${repr(down_revision)})
