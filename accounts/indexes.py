"""An index for a table that may be large by now: on PostgreSQL it is made while people write to the table.

Here because this is the lowest room: migrations of every room use it. Its migration says `atomic = False` and does
nothing else, so that it can be repeated when it was broken off.
"""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import AddIndex
from django.db.migrations.state import ProjectState


def _operation(schema_editor: BaseDatabaseSchemaEditor) -> type[AddIndex]:
    return AddIndexConcurrently if schema_editor.connection.vendor == "postgresql" else AddIndex


class AddIndexWhileUsed(AddIndexConcurrently):
    """CREATE INDEX CONCURRENTLY on PostgreSQL, plainly elsewhere."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        _operation(schema_editor).database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        _operation(schema_editor).database_backwards(self, app_label, schema_editor, from_state, to_state)
