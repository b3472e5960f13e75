"""Alembic's entry: migrations run on the connection that `migrate.py` hands over."""

from alembic import context
from sqlmodel import SQLModel

from certrail.persistence import tables

assert tables.__all__

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
