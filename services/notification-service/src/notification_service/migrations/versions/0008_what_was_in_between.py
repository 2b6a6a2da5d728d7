"""At which versions a dispute was worked on, and nobody was asked anything: a mail about what was before is stale."""

from redress.eventlog.migrations import execute_script

revision = "0008"
down_revision = "0007"

SCRIPT = """
ALTER TABLE read.dispute_state
  ADD COLUMN contested_at bigint NOT NULL DEFAULT 0,
  ADD COLUMN answered_at bigint NOT NULL DEFAULT 0;
"""


def upgrade() -> None:
    execute_script(SCRIPT)
