"""The revisions of the tables, in order. Run by `storage.migrate`, never by the alembic command."""
