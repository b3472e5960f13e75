"""Long lists are read by index, page by page; the log of what was told outlives its channel."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NAMES = {"fk": "%(table_name)s_%(column_0_name)s_fkey"}
"""As PostgreSQL names what was made without a name; SQLite keeps none, and is told this one."""
LIST = ["application_id", "created_at", "id"]


def upgrade() -> None:
    with op.batch_alter_table("notification", naming_convention=NAMES) as table:
        table.drop_constraint("notification_channel_id_fkey", type_="foreignkey")
    for table_name in ("notification", "approval_request"):
        op.drop_index(f"ix_{table_name}_application_id", table_name)
        op.create_index(f"ix_{table_name}_list", table_name, LIST)
