"""The document of a dispute is kept whole; a column that lists find it by is one line here.

The columns that were there are made out of the document from now on, those of the history by PostgreSQL itself.
"""

from redress.eventlog.migrations import execute_script, log_script

revision = "0005"
down_revision = "0004"

SCRIPT = """
ALTER TABLE read.dispute_current RENAME COLUMN dispute_id TO stream_id;
UPDATE read.dispute_current SET doc = jsonb_build_object(
  'row', jsonb_build_object('open_minor', open_minor, 'invoice_ids', invoice_ids, 'search', search), 'dispute', doc);

ALTER TABLE read.dispute_history RENAME TO dispute_history_columns;
DROP INDEX read.history_by_opening, read.history_by_time;
ALTER TABLE read.dispute_history_columns RENAME CONSTRAINT dispute_history_pkey TO dispute_history_columns_pkey;
-- Follows the log (redress/projections/version_history.py). known_until NULL: this version is the known one.
CREATE TABLE read.dispute_history (
  tenant_id text NOT NULL,
  stream_id uuid NOT NULL,
  version bigint NOT NULL,
  known_from timestamptz NOT NULL,
  known_until timestamptz,
  doc jsonb NOT NULL,
  PRIMARY KEY (stream_id, version)
);
SELECT es.protect('read.dispute_history');

SELECT es.keeps_document('dispute', 'read.dispute_current'), es.keeps_versions('dispute', 'read.dispute_history');
SELECT es.list_column('dispute', 'status', 'text', $$doc #>> '{dispute,status}'$$, p_required => true),
       es.list_column('dispute', 'reason_code', 'text', $$doc #>> '{dispute,reason_code}'$$, p_required => true),
       es.list_column('dispute', 'customer_id', 'text', $$doc #>> '{dispute,customer_id}'$$, p_required => true),
       es.list_column('dispute', 'owner', 'text', $$doc #>> '{dispute,owner}'$$),
       es.list_column('dispute', 'team', 'text', $$doc #>> '{dispute,team}'$$),
       es.list_column('dispute', 'opened_at', 'timestamptz', $$es.instant(doc #>> '{dispute,opened_at}')$$,
                      p_required => true),
       es.list_column('dispute', 'sla_due_at', 'timestamptz', $$es.instant(doc #>> '{dispute,sla_due_at}')$$,
                      p_required => true),
       es.list_column('dispute', 'open_minor', 'bigint', $$(doc #>> '{row,open_minor}')::bigint$$, p_required => true),
       es.list_column('dispute', 'invoice_ids', 'text[]', $$es.texts(doc #> '{row,invoice_ids}')$$, p_required => true),
       es.list_column('dispute', 'search', 'text', $$doc #>> '{row,search}'$$, p_required => true);

INSERT INTO read.dispute_history (tenant_id, stream_id, version, known_from, known_until, doc)
SELECT tenant_id, dispute_id, version, known_from, known_until, jsonb_build_object(
  'row', jsonb_build_object('open_minor', open_minor, 'invoice_ids', invoice_ids, 'search', search), 'dispute', doc)
FROM read.dispute_history_columns;
DROP TABLE read.dispute_history_columns;
CREATE INDEX history_by_opening ON read.dispute_history (tenant_id, opened_at, stream_id);
CREATE INDEX history_by_time ON read.dispute_history (tenant_id, known_from);
"""


def upgrade() -> None:
    execute_script(log_script("schema_documents"))
    execute_script(SCRIPT)
