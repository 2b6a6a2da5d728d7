"""One meaning of time: legal entities with their zones, and corrections that count from their day.

The terms of an invoice have a business axis beside the recorded one.

A row says what was known from recorded_at until superseded_at of the days from counts_from until counts_until: for
every moment on both axes there is one row. `corrected_by` is the event that mended an error from the start and
`corrected_on` its day.

Earlier corrections are told anew from their events: their due date counts from the day of the correction.
"""

from redress.eventlog.migrations import execute_script, log_script

revision = "0013"
down_revision = "0012"

SCRIPT = """
ALTER TABLE read.invoice_terms
  ADD COLUMN counts_from date NOT NULL DEFAULT '-infinity',
  ADD COLUMN counts_until date,
  ADD COLUMN corrected_by uuid,
  ADD COLUMN corrected_on date,
  DROP CONSTRAINT invoice_terms_pkey,
  ADD PRIMARY KEY (tenant_id, item, seq, counts_from);

-- For the note about entities that nobody described: which entity an invoice of a source names.
SELECT es.list_column('invoice', 'source', 'text', $$doc #>> '{source}'$$);
CREATE INDEX invoices_of_entity ON read.invoice_current (tenant_id, source, legal_entity);

DO $told_anew$
DECLARE
  correction record;
  corrections bigint[];
BEGIN
  SELECT array_agg(t.seq) INTO corrections
  FROM read.invoice_terms t JOIN es.log l ON l.seq = t.seq JOIN es.event e ON e.id = l.id
  WHERE e.type = 'invoice-corrected' AND e.stream_id = t.item;
  DELETE FROM read.invoice_terms WHERE seq = ANY (corrections);
  UPDATE read.invoice_terms t SET superseded_at = NULL
  FROM es.log l JOIN es.event e ON e.id = l.id
  WHERE l.seq = ANY (corrections) AND e.tenant_id = t.tenant_id AND e.stream_id = t.item;
  FOR correction IN
    SELECT e.tenant_id, e.stream_id AS item, l.seq, e.recorded_at,
           (convert_from(e.payload, 'UTF8')::jsonb ->> 'due_on')::date AS due_on,
           (convert_from(e.payload, 'UTF8')::jsonb ->> 'corrected_on')::date AS counts_from
    FROM es.log l JOIN es.event e ON e.id = l.id
    WHERE l.seq = ANY (corrections) ORDER BY l.seq
  LOOP
    WITH known AS (
      UPDATE read.invoice_terms t SET superseded_at = correction.recorded_at
      WHERE t.tenant_id = correction.tenant_id AND t.item = correction.item AND t.superseded_at IS NULL
        AND (t.counts_until IS NULL OR t.counts_until > correction.counts_from)
      RETURNING t.*
    )
    INSERT INTO read.invoice_terms (tenant_id, item, seq, invoice_id, customer_id, legal_entity, currency, issued_on,
                                    due_on, recorded_at, counts_from, counts_until)
    SELECT tenant_id, item, correction.seq, invoice_id, customer_id, legal_entity, currency, issued_on, due_on,
           correction.recorded_at, counts_from, correction.counts_from
    FROM known WHERE counts_from < correction.counts_from
    UNION ALL
    SELECT tenant_id, item, correction.seq, invoice_id, customer_id, legal_entity, currency, issued_on,
           correction.due_on, correction.recorded_at, greatest(counts_from, correction.counts_from), counts_until
    FROM known;
  END LOOP;
END $told_anew$;
"""


def upgrade() -> None:
    execute_script(log_script("schema_legal_entities"))
    execute_script(SCRIPT)
