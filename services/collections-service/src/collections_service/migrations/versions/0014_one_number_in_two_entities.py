"""Two legal entities may use one invoice number: what is unique is entity and number together."""

from redress.eventlog.migrations import execute_script

revision = "0014"
down_revision = "0013"

SCRIPT = """
ALTER TABLE read.invoice_current
  DROP CONSTRAINT invoice_current_tenant_id_invoice_id_key,
  ADD CONSTRAINT one_invoice_per_entity_and_number UNIQUE (tenant_id, invoice_id, legal_entity);
"""


def upgrade() -> None:
    execute_script(SCRIPT)
