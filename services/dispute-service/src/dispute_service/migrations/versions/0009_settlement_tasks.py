"""Settlement tasks are found by state, owner and the time since which the posting is overdue."""

from redress.eventlog.migrations import execute_script

revision = "0009"
down_revision = "0008"

SCRIPT = """
SELECT es.list_column('dispute', 'settlement_task', 'text', $$doc #>> '{dispute,settlement,task,state}'$$),
       es.list_column('dispute', 'settlement_task_owner', 'text', $$doc #>> '{dispute,settlement,task,owner}'$$),
       es.list_column('dispute', 'settlement_task_due_at', 'timestamptz',
                      $$es.instant(doc #>> '{dispute,settlement,task,due_at}')$$);
CREATE INDEX settlement_tasks_in_order ON read.dispute_current (tenant_id, settlement_task_due_at, stream_id)
  WHERE settlement_task IS NOT NULL;
CREATE INDEX known_settlement_tasks ON read.dispute_history (tenant_id, settlement_task_due_at, stream_id)
  WHERE settlement_task IS NOT NULL;
"""


def upgrade() -> None:
    execute_script(SCRIPT)
