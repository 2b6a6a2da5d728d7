"""Current state, the books by day, collection tasks, and what came through the ERP's door."""

from redress.eventlog.migrations import execute_script

revision = "0002"
down_revision = "0001"

SCRIPT = """
-- Current state, written in the append's transaction (es.write_current below). Amounts are minor units.
CREATE TABLE read.invoice_current (
  tenant_id text NOT NULL,
  stream_id uuid PRIMARY KEY,
  version bigint NOT NULL,
  invoice_id text NOT NULL,
  customer_id text NOT NULL,
  legal_entity text NOT NULL,
  currency text NOT NULL,
  issued_on date NOT NULL,
  due_on date NOT NULL,
  open_minor bigint NOT NULL,
  held_minor bigint NOT NULL,
  doc jsonb NOT NULL,
  UNIQUE (tenant_id, invoice_id),
  CHECK (0 <= held_minor AND held_minor <= open_minor)
);
CREATE INDEX invoices_of_customer ON read.invoice_current (tenant_id, customer_id, invoice_id);
CREATE INDEX held_invoices ON read.invoice_current (tenant_id, customer_id, invoice_id) WHERE held_minor > 0;

CREATE TABLE read.receipt_current (
  tenant_id text NOT NULL,
  stream_id uuid PRIMARY KEY,
  version bigint NOT NULL,
  source text NOT NULL,
  receipt_id text NOT NULL,
  customer_id text NOT NULL,
  doc jsonb NOT NULL
);
CREATE INDEX receipts_of_customer ON read.receipt_current (tenant_id, customer_id);

CREATE TABLE read.customer_current (
  tenant_id text NOT NULL,
  stream_id uuid PRIMARY KEY,
  version bigint NOT NULL,
  customer_id text NOT NULL,
  doc jsonb NOT NULL,
  UNIQUE (tenant_id, customer_id)
);

SELECT es.protect('read.invoice_current', false), es.protect('read.receipt_current', false),
       es.protect('read.customer_current', false);

CREATE OR REPLACE FUNCTION es.write_current(
  p_tenant text[], p_stream uuid[], p_type text[], p_version bigint[], p_doc jsonb[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO read.invoice_current AS c (tenant_id, stream_id, version, invoice_id, customer_id, legal_entity, currency,
                                         issued_on, due_on, open_minor, held_minor, doc)
  SELECT w.tenant, w.stream, w.version, w.doc->>'invoice_id', w.doc->>'customer_id', w.doc->>'legal_entity',
         w.doc->>'currency', (w.doc->>'issued_on')::date, (w.doc->>'due_on')::date, (w.doc->>'open')::bigint,
         (w.doc->>'held')::bigint, w.doc
  FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant, stream, type, version, doc)
  WHERE w.type = 'invoice' AND w.doc ? 'invoice_id'
  ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, due_on = excluded.due_on,
    open_minor = excluded.open_minor, held_minor = excluded.held_minor, doc = excluded.doc;

  INSERT INTO read.receipt_current AS c (tenant_id, stream_id, version, source, receipt_id, customer_id, doc)
  SELECT w.tenant, w.stream, w.version, w.doc->>'source', w.doc->>'receipt_id', w.doc->>'customer_id', w.doc
  FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant, stream, type, version, doc)
  WHERE w.type = 'receipt' AND w.doc ? 'receipt_id'
  ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, doc = excluded.doc;

  INSERT INTO read.customer_current AS c (tenant_id, stream_id, version, customer_id, doc)
  SELECT w.tenant, w.stream, w.version, w.doc->>'customer_id', w.doc
  FROM unnest(p_tenant, p_stream, p_type, p_version, p_doc) AS w(tenant, stream, type, version, doc)
  WHERE w.type = 'customer' AND w.doc ? 'customer_id'
  ON CONFLICT (stream_id) DO UPDATE SET version = excluded.version, doc = excluded.doc;
END $$;

-- Follows the log (projections/movements.py): every change of an amount with both of its times.
-- kind open, disputed: item is an invoice; kind unapplied: item is a receipt. dispute_id only where kind is disputed.
CREATE TABLE read.movement (
  tenant_id text NOT NULL,
  seq bigint NOT NULL,
  ordinal int NOT NULL,
  item uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('open', 'disputed', 'unapplied')),
  dispute_id text,
  customer_id text NOT NULL,
  currency text NOT NULL,
  delta bigint NOT NULL,
  effective_on date NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, seq, ordinal)
);
CREATE INDEX movements_of_customer ON read.movement (tenant_id, customer_id);
CREATE INDEX movements_of_item ON read.movement (tenant_id, item);

-- Which dates an invoice had, and since when we knew.
CREATE TABLE read.invoice_terms (
  tenant_id text NOT NULL,
  item uuid NOT NULL,
  seq bigint NOT NULL,
  invoice_id text NOT NULL,
  customer_id text NOT NULL,
  legal_entity text NOT NULL,
  currency text NOT NULL,
  issued_on date NOT NULL,
  due_on date NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, item, seq)
);

CREATE TABLE read.recollection_task (
  tenant_id text NOT NULL,
  task_id uuid NOT NULL,
  seq bigint NOT NULL,
  item uuid NOT NULL,
  dispute_id text NOT NULL,
  currency text NOT NULL,
  amount bigint NOT NULL,
  opened_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, task_id)
);
CREATE INDEX tasks_in_order ON read.recollection_task (tenant_id, seq);
SELECT es.protect('read.movement'), es.protect('read.invoice_terms'), es.protect('read.recollection_task');

-- Every message of an ERP as it came, sealed with its customer's key, and what became of it.
CREATE SCHEMA erp;
GRANT USAGE ON SCHEMA erp TO redress_app, redress_worker;
CREATE TABLE erp.message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant_id text NOT NULL,
  source text NOT NULL,
  source_event_id text NOT NULL,
  sha256 bytea NOT NULL,
  kind text NOT NULL,
  via text NOT NULL,
  person text NOT NULL,
  raw bytea[] NOT NULL,
  received_at timestamptz NOT NULL,
  last_received_at timestamptz NOT NULL,
  times int NOT NULL DEFAULT 1,
  result text NOT NULL DEFAULT 'received'
    CHECK (result IN ('received', 'accepted', 'duplicate', 'rejected', 'waiting')),
  code text,
  reason text,
  pointer text,
  waits_for text,
  settled_at timestamptz,
  UNIQUE (tenant_id, source, source_event_id, sha256)
);
CREATE INDEX messages_waiting ON erp.message (tenant_id, waits_for, id) WHERE result = 'waiting';
CREATE INDEX messages_unsettled ON erp.message (last_received_at) WHERE result IN ('received', 'waiting');
CREATE INDEX messages_of_source ON erp.message (tenant_id, source, result);

-- Control numbers of a source per legal entity: only what they say about gaps and order.
CREATE TABLE erp.control (
  tenant_id text NOT NULL,
  source text NOT NULL,
  highest bigint NOT NULL,
  gaps bigint NOT NULL DEFAULT 0,
  backward_jumps bigint NOT NULL DEFAULT 0,
  last_backward_at timestamptz,
  PRIMARY KEY (tenant_id, source)
);
SELECT es.protect('erp.message'), es.protect('erp.control');
GRANT INSERT, UPDATE ON erp.message, erp.control TO redress_app;
"""


def upgrade() -> None:
    execute_script(SCRIPT)
