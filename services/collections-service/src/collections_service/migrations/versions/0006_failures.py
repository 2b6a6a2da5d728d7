"""A message that nothing could be made of for now: how often it failed, and when it is tried again."""

from redress.eventlog.migrations import execute_script

revision = "0006"
down_revision = "0005"

SCRIPT = """
ALTER TABLE erp.message ADD COLUMN failures int NOT NULL DEFAULT 0, ADD COLUMN try_after timestamptz;
"""


def upgrade() -> None:
    execute_script(SCRIPT)
