"""Recovery tasks are taken, handed over, done and closed; a dispute has one at a time on an invoice."""

from redress.eventlog.migrations import execute_script

revision = "0011"
down_revision = "0010"

# Of two tasks of one dispute on one invoice the later one took the place of the earlier one.
SCRIPT = """
ALTER TABLE read.recovery_task
  ADD COLUMN number integer,
  ADD COLUMN state text NOT NULL DEFAULT 'open',
  ADD COLUMN owner text,
  ADD COLUMN why text;
UPDATE read.recovery_task t SET number = n.number
FROM (SELECT tenant_id, task_id, row_number() OVER (PARTITION BY tenant_id, item, dispute_id ORDER BY seq) AS number
      FROM read.recovery_task) n
WHERE n.tenant_id = t.tenant_id AND n.task_id = t.task_id;
ALTER TABLE read.recovery_task ALTER COLUMN number SET NOT NULL;
UPDATE read.recovery_task t SET state = 'closed', why = 'replaced'
WHERE EXISTS (SELECT FROM read.recovery_task l
              WHERE l.tenant_id = t.tenant_id AND l.item = t.item AND l.dispute_id = t.dispute_id
                AND l.number > t.number);
CREATE UNIQUE INDEX recovery_tasks_of_an_item ON read.recovery_task (tenant_id, item, dispute_id, number);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
