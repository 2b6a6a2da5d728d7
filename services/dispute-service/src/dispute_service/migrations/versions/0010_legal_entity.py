"""Disputes are listed by their legal entity."""

from redress.eventlog.migrations import execute_script

revision = "0010"
down_revision = "0006"

SCRIPT = """
SELECT es.list_column('dispute', 'legal_entity', 'text', $$doc #>> '{dispute,legal_entity}'$$);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
