"""One clock, larger appends, marks that name the log they belong to."""

from redress.eventlog.migrations import bring_event_log_to_0_2

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    bring_event_log_to_0_2("notification-service")
