"""What operators did by hand is recorded."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    execute_script(log_script("schema_operations"))
