"""The legal entities of collections-service are followed: their zones and calendars."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute_script(log_script("schema_legal_entities"))
