"""Lists of disputes: the current state, written with each append, and every version with the time it was known."""

from redress.eventlog.migrations import execute_script

revision = "0002"
down_revision = "0001"

SCRIPT = """
CREATE TABLE read.dispute_current (
  tenant_id text NOT NULL,
  dispute_id uuid PRIMARY KEY,
  version bigint NOT NULL,
  status text NOT NULL,
  reason_code text NOT NULL,
  customer_id text NOT NULL,
  owner text,
  team text,
  opened_at timestamptz NOT NULL,
  sla_due_at timestamptz NOT NULL,
  open_minor bigint NOT NULL,
  invoice_ids text[] NOT NULL,
  search text NOT NULL,
  doc jsonb NOT NULL
);
CREATE INDEX disputes_by_opening ON read.dispute_current (tenant_id, opened_at, dispute_id);
CREATE INDEX disputes_by_due_date ON read.dispute_current (tenant_id, sla_due_at, dispute_id);
CREATE INDEX disputes_by_amount ON read.dispute_current (tenant_id, open_minor, dispute_id);
CREATE INDEX disputes_of_customer ON read.dispute_current (tenant_id, customer_id, opened_at);
CREATE INDEX disputes_of_status ON read.dispute_current (tenant_id, status, opened_at);
CREATE INDEX disputes_of_owner ON read.dispute_current (tenant_id, owner, opened_at) WHERE owner IS NOT NULL;
CREATE INDEX disputes_of_invoice ON read.dispute_current USING gin (invoice_ids);

CREATE OR REPLACE FUNCTION es.write_current(
  p_tenant text[], p_stream uuid[], p_type text[], p_version bigint[], p_doc jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO read.dispute_current AS c (tenant_id, dispute_id, version, status, reason_code, customer_id, owner, team,
                                         opened_at, sla_due_at, open_minor, invoice_ids, search, doc)
  SELECT w.tenant, w.stream, w.version, r->>'status', r->>'reason_code', r->>'customer_id', r->>'owner', r->>'team',
         (r->>'opened_at')::timestamptz, (r->>'sla_due_at')::timestamptz, (r->>'open_minor')::bigint,
         ARRAY(SELECT jsonb_array_elements_text(r->'invoice_ids')), r->>'search', w.doc->'dispute'
  FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant, stream, type, version, doc),
       LATERAL (SELECT w.doc->'row' AS r) AS x
  WHERE w.type = 'dispute'
  ON CONFLICT (dispute_id) DO UPDATE SET
    version = excluded.version, status = excluded.status, reason_code = excluded.reason_code, owner = excluded.owner,
    team = excluded.team, sla_due_at = excluded.sla_due_at, open_minor = excluded.open_minor,
    search = excluded.search, doc = excluded.doc;
END $$;

-- Follows the log (projections/dispute_history.py). known_until NULL: this version is the known one.
CREATE TABLE read.dispute_history (
  tenant_id text NOT NULL,
  dispute_id uuid NOT NULL,
  version bigint NOT NULL,
  known_from timestamptz NOT NULL,
  known_until timestamptz,
  status text NOT NULL,
  reason_code text NOT NULL,
  customer_id text NOT NULL,
  owner text,
  team text,
  opened_at timestamptz NOT NULL,
  sla_due_at timestamptz NOT NULL,
  open_minor bigint NOT NULL,
  invoice_ids text[] NOT NULL,
  search text NOT NULL,
  doc jsonb NOT NULL,
  PRIMARY KEY (dispute_id, version)
);
CREATE INDEX history_by_opening ON read.dispute_history (tenant_id, opened_at, dispute_id);
CREATE INDEX history_by_time ON read.dispute_history (tenant_id, known_from);

SELECT es.protect('read.dispute_current', false), es.protect('read.dispute_history');
"""


def upgrade() -> None:
    execute_script(SCRIPT)
