"""Authorities may have several keys: one for each certificate that was made with a new one."""

import hashlib

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certrail.persistence.types import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ca_key",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ca_id", sa.String(length=40), nullable=False),
        sa.Column("algorithm", sa.String(length=32), nullable=False),
        sa.Column("spki", sa.String(length=64), nullable=False),
        sa.Column("key_sealed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["ca_id"], ["certificate_authority.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ca_id", "spki"),
    )
    _move_present_keys(op.get_bind())
    op.drop_column("certificate_authority", "key_sealed")


def _move_present_keys(connection: sa.Connection) -> None:
    """Before this there were roots only, each with one key and one certificate."""
    names = ("id", "created_at", "key_algorithm", "key_sealed")
    authority = sa.table("certificate_authority", *(sa.column(name) for name in names))
    certificate = sa.table("ca_certificate", sa.column("ca_id"), sa.column("pem"))
    keys = sa.table(
        "ca_key",
        *(sa.column(name) for name in ("id", "created_at", "ca_id", "algorithm", "spki", "key_sealed")),
    )
    query = sa.select(authority, certificate.c.pem).join(certificate, certificate.c.ca_id == authority.c.id)
    for row in connection.execute(query).mappings().all():
        public_key = x509.load_pem_x509_certificate(row["pem"].encode()).public_key()
        der = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        values = {
            "id": row["id"],
            "created_at": row["created_at"],
            "ca_id": row["id"],
            "algorithm": row["key_algorithm"],
            "spki": hashlib.sha256(der).hexdigest(),
            "key_sealed": row["key_sealed"],
        }
        connection.execute(keys.insert().values(values))
