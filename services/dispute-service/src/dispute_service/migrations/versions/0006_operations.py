"""Operations done by hand are recorded."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute_script(log_script("schema_operations"))
