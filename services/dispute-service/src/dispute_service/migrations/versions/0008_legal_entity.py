"""Disputes are listed by their legal entity."""

from redress.eventlog.migrations import execute_script

revision = "0008"
down_revision = "0007"

SCRIPT = """
SELECT es.list_column('dispute', 'legal_entity', 'text', $$doc #>> '{dispute,legal_entity}'$$);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
