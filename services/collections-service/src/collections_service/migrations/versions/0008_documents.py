"""The columns of invoices, receipts and customers are made out of their documents; one more is one line."""

from redress.eventlog.migrations import execute_script, log_script

revision = "0008"
down_revision = "0007"

SCRIPT = """
SELECT es.keeps_document('invoice', 'read.invoice_current'), es.keeps_document('receipt', 'read.receipt_current'),
       es.keeps_document('customer', 'read.customer_current');
SELECT es.list_column('invoice', 'invoice_id', 'text', $$doc #>> '{invoice_id}'$$, p_required => true),
       es.list_column('invoice', 'customer_id', 'text', $$doc #>> '{customer_id}'$$, p_required => true),
       es.list_column('invoice', 'legal_entity', 'text', $$doc #>> '{legal_entity}'$$, p_required => true),
       es.list_column('invoice', 'currency', 'text', $$doc #>> '{currency}'$$, p_required => true),
       es.list_column('invoice', 'issued_on', 'date', $$es.day(doc #>> '{issued_on}')$$, p_required => true),
       es.list_column('invoice', 'due_on', 'date', $$es.day(doc #>> '{due_on}')$$, p_required => true),
       es.list_column('invoice', 'open_minor', 'bigint', $$(doc #>> '{open}')::bigint$$, p_required => true),
       es.list_column('invoice', 'held_minor', 'bigint', $$(doc #>> '{held}')::bigint$$, p_required => true);
SELECT es.list_column('receipt', 'source', 'text', $$doc #>> '{source}'$$, p_required => true),
       es.list_column('receipt', 'receipt_id', 'text', $$doc #>> '{receipt_id}'$$, p_required => true),
       es.list_column('receipt', 'customer_id', 'text', $$doc #>> '{customer_id}'$$, p_required => true);
SELECT es.list_column('customer', 'customer_id', 'text', $$doc #>> '{customer_id}'$$, p_required => true);
"""


def upgrade() -> None:
    execute_script(log_script("schema_documents"))
    execute_script(SCRIPT)
