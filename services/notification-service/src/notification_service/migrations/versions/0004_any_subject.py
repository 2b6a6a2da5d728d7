"""A notification is about any subject: a dispute is one type of it."""

from redress.eventlog.migrations import execute_script

revision = "0004"
down_revision = "0003"

_TABLES = """
ALTER TABLE read.notification_current ADD COLUMN subject_type text, ADD COLUMN subject_id text;
UPDATE read.notification_current SET subject_type = 'dispute', subject_id = dispute_id,
  doc = doc - 'dispute_id' || jsonb_build_object('subject', jsonb_build_object('type', 'dispute', 'id', dispute_id));
ALTER TABLE read.notification_current ALTER COLUMN subject_type SET NOT NULL, ALTER COLUMN subject_id SET NOT NULL,
  DROP COLUMN dispute_id;  -- and with it the index of a dispute's notifications
CREATE INDEX notifications_of_subject ON read.notification_current
  (tenant_id, subject_id, subject_type, cause_at DESC, notification_id DESC);

ALTER TABLE read.heard_event ADD COLUMN source text, ADD COLUMN subject_type text, ADD COLUMN subject_id text;
UPDATE read.heard_event SET source = 'dispute-service', subject_type = 'dispute', subject_id = dispute_id;
ALTER TABLE read.heard_event ALTER COLUMN source SET NOT NULL, ALTER COLUMN subject_type SET NOT NULL,
  ALTER COLUMN subject_id SET NOT NULL, DROP COLUMN dispute_id;
"""

_WRITE_CURRENT = """
CREATE OR REPLACE FUNCTION es.write_current(
  p_tenant text[], p_stream uuid[], p_type text[], p_version bigint[], p_doc jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO read.notification_current AS n
    (notification_id, tenant_id, version, subject_type, subject_id, cause, cause_at, recipient, person, status, due_at,
     doc)
  SELECT w.stream, w.tenant, w.version, w.doc->'subject'->>'type', w.doc->'subject'->>'id', w.doc->>'cause',
         (w.doc->>'cause_at')::timestamptz, w.doc->>'recipient', w.doc->>'person', w.doc->>'status',
         coalesce(w.doc->>'due_at', w.doc->>'cause_at')::timestamptz, w.doc
  FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant, stream, type, version, doc)
  WHERE w.type = 'notification'
  ON CONFLICT (notification_id) DO UPDATE
    SET version = excluded.version, status = excluded.status, due_at = excluded.due_at, doc = excluded.doc
    WHERE n.version < excluded.version;

  INSERT INTO read.directory_current AS d (tenant_id, entry_id, stream_id, version, lead, doc)
  SELECT w.tenant, w.doc->>'entry_id', w.stream, w.version, w.doc->>'lead', w.doc
  FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant, stream, type, version, doc)
  WHERE w.type = 'directory-entry'
  ON CONFLICT (tenant_id, entry_id) DO UPDATE
    SET version = excluded.version, lead = excluded.lead, doc = excluded.doc
    WHERE d.version < excluded.version;
END $$;
"""


def upgrade() -> None:
    execute_script(_TABLES)
    execute_script(_WRITE_CURRENT)
