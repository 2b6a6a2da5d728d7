"""A notification is about any subject: a dispute is one type of it. 0006 words es.write_current for it."""

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


def upgrade() -> None:
    execute_script(_TABLES)
