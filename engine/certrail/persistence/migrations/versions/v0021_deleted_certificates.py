"""What lists and OCSP say of a certificate outlives the Application that it was deleted with."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_certificate",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("ca_certificate_id", sa.String(40), sa.ForeignKey("ca_certificate.id"), nullable=False),
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("revocation_reason", sa.String(32)),
    )
    op.create_index("ix_deleted_certificate", "deleted_certificate", ["ca_certificate_id", "serial"])
