"""The columns of notifications and of the directory are made out of their documents; one more is one line."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0006"
down_revision = "0005"

SCRIPT = """
ALTER TABLE read.notification_current RENAME COLUMN notification_id TO stream_id;
ALTER TABLE read.directory_current DROP CONSTRAINT directory_current_pkey, ADD PRIMARY KEY (stream_id),
  ADD UNIQUE (tenant_id, entry_id);

SELECT es.keeps_document('notification', 'read.notification_current'),
       es.keeps_document('directory-entry', 'read.directory_current');
SELECT es.list_column('notification', 'subject_type', 'text', $$doc #>> '{subject,type}'$$, p_required => true),
       es.list_column('notification', 'subject_id', 'text', $$doc #>> '{subject,id}'$$, p_required => true),
       es.list_column('notification', 'cause', 'text', $$doc #>> '{cause}'$$, p_required => true),
       es.list_column('notification', 'cause_at', 'timestamptz', $$es.instant(doc #>> '{cause_at}')$$,
                      p_required => true),
       es.list_column('notification', 'recipient', 'text', $$doc #>> '{recipient}'$$, p_required => true),
       es.list_column('notification', 'person', 'text', $$doc #>> '{person}'$$),
       es.list_column('notification', 'status', 'text', $$doc #>> '{status}'$$, p_required => true),
       es.list_column('notification', 'due_at', 'timestamptz',
                      $$es.instant(coalesce(doc #>> '{due_at}', doc #>> '{cause_at}'))$$, p_required => true);
SELECT es.list_column('directory-entry', 'entry_id', 'text', $$doc #>> '{entry_id}'$$, p_required => true),
       es.list_column('directory-entry', 'lead', 'text', $$doc #>> '{lead}'$$);
"""


def upgrade() -> None:
    execute_script(log_script("schema_documents"))
    execute_script(SCRIPT)
