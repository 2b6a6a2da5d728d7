"""Until when the dates of an invoice were the known ones: the terms of a moment are found without sorting them."""

from redress.eventlog.migrations import execute_script

revision = "0004"
down_revision = "0003"

SCRIPT = """
ALTER TABLE read.invoice_terms ADD COLUMN superseded_at timestamptz;
CREATE INDEX terms_by_invoice ON read.invoice_terms (tenant_id, invoice_id);
UPDATE read.invoice_terms AS t SET superseded_at = (
  SELECT n.recorded_at FROM read.invoice_terms n
  WHERE n.tenant_id = t.tenant_id AND n.item = t.item AND n.seq > t.seq ORDER BY n.seq LIMIT 1
);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
