"""Whose an invoice is from which day on, and movements of days to come by their day."""

from redress.eventlog.migrations import execute_script

revision = "0012"
down_revision = "0011"

SCRIPT = """
CREATE TABLE read.invoice_customer (
  tenant_id text NOT NULL,
  item uuid NOT NULL,
  seq bigint NOT NULL,
  previous_customer_id text NOT NULL,
  customer_id text NOT NULL,
  effective_on date NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, item, seq)
);
SELECT es.protect('read.invoice_customer');
CREATE INDEX movements_by_day ON read.movement (tenant_id, effective_on);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
