"""The read models of the service. Everything here can be made again from the log and from what it follows."""

from redress.eventlog.migrations import execute_script

revision = "0002"
down_revision = "0001"

_TABLES = """
-- One row per notification, written in the append's transaction (es.write_current). `doc` is
-- notifications/current.py's document; the columns are what is searched.
CREATE TABLE read.notification_current (
  notification_id uuid PRIMARY KEY,
  tenant_id text NOT NULL,
  version bigint NOT NULL,
  dispute_id text NOT NULL,
  cause text NOT NULL,
  cause_at timestamptz NOT NULL,
  recipient text NOT NULL,
  person text,
  status text NOT NULL,
  due_at timestamptz NOT NULL,
  doc jsonb NOT NULL
);
CREATE INDEX notifications_by_time ON read.notification_current (tenant_id, cause_at DESC, notification_id DESC);
CREATE INDEX notifications_of_dispute ON read.notification_current
  (tenant_id, dispute_id, cause_at DESC, notification_id DESC);
CREATE INDEX notifications_by_status ON read.notification_current
  (tenant_id, status, cause_at DESC, notification_id DESC);
CREATE INDEX notifications_of_cause ON read.notification_current (tenant_id, cause);
-- What the sender looks at: small, because whatever is finished is not in it.
CREATE INDEX notifications_due ON read.notification_current (due_at, cause_at)
  WHERE status IN ('queued', 'sending');

-- One row per entry of the directory; `doc` is the last recorded event.
CREATE TABLE read.directory_current (
  tenant_id text NOT NULL,
  entry_id text NOT NULL,
  stream_id uuid NOT NULL,
  version bigint NOT NULL,
  lead text,
  doc jsonb NOT NULL,
  PRIMARY KEY (tenant_id, entry_id)
);

-- The latest that is known of each dispute (projections/dispute_state.py).
CREATE TABLE read.dispute_state (
  tenant_id text NOT NULL,
  dispute_id text NOT NULL,
  version bigint NOT NULL,
  status text NOT NULL,
  open_minor bigint NOT NULL,
  currency text NOT NULL,
  owner text,
  team text,
  resolution_code text,
  PRIMARY KEY (tenant_id, dispute_id)
);

-- Every dispute event that was heard, so that "no rule speaks about it" can be told from "never heard of it"
-- (projections/heard_events.py).
CREATE TABLE read.heard_event (
  tenant_id text NOT NULL,
  event_id text NOT NULL,
  type text NOT NULL,
  dispute_id text NOT NULL,
  version bigint NOT NULL,
  effective_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, event_id)
);

SELECT es.protect('read.notification_current', false), es.protect('read.directory_current', false),
       es.protect('read.dispute_state'), es.protect('read.heard_event');
"""

_WRITE_CURRENT = """
CREATE OR REPLACE FUNCTION es.write_current(
  p_tenant text[], p_stream uuid[], p_type text[], p_version bigint[], p_doc jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO read.notification_current AS n
    (notification_id, tenant_id, version, dispute_id, cause, cause_at, recipient, person, status, due_at, doc)
  SELECT w.stream, w.tenant, w.version, w.doc->>'dispute_id', w.doc->>'cause', (w.doc->>'cause_at')::timestamptz,
         w.doc->>'recipient', w.doc->>'person', w.doc->>'status',
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


def downgrade() -> None:
    execute_script("DROP TABLE read.notification_current, read.directory_current, read.dispute_state, read.heard_event")
