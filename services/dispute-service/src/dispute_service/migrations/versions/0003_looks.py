"""Folds and commands read what they need and no more."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute_script(log_script("schema_batched_reads"))
