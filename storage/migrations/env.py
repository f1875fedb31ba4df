"""Alembic's entry: runs on the connection that `storage.migrate` hands in."""

from alembic import context
from sqlalchemy import text

from storage.migrate import OPTIONS

connection = context.config.attributes["connection"]
# The record of the version stands in `dsr`, so the schemas are there before any revision.
connection.execute(text("create schema if not exists dsr"))
connection.execute(text("create schema if not exists vault"))
context.configure(connection=connection, **OPTIONS)
with context.begin_transaction():
    context.run_migrations()
