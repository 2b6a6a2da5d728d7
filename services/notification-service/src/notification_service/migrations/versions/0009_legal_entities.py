"""The legal entities of collections-service are followed: their zones and senders."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute_script(log_script("schema_legal_entities"))
