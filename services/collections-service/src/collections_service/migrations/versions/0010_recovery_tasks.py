"""Tasks to collect an amount that was disputed in vain are recovery tasks."""

from redress.eventlog.migrations import execute_script

revision = "0010"
down_revision = "0009"

SCRIPT = """
ALTER TABLE read.recollection_task RENAME TO recovery_task;
ALTER INDEX read.recollection_task_pkey RENAME TO recovery_task_pkey;
ALTER INDEX read.tasks_in_order RENAME TO recovery_tasks_in_order;
UPDATE es.consumer SET name = 'recovery_tasks' WHERE name = 'recollection_tasks';
UPDATE es.parked SET consumer = 'recovery_tasks' WHERE consumer = 'recollection_tasks';
"""


def upgrade() -> None:
    execute_script(SCRIPT)
