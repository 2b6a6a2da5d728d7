"""The event log."""

from redress.eventlog.migrations import install_event_log

revision = "0001"
down_revision = None


def upgrade() -> None:
    install_event_log()
