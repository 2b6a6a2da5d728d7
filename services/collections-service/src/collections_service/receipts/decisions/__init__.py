"""Cash application: one receipt and every invoice it names, decided together so that they are appended together.

Allocations are applied as given, each as far as its invoice is open. The part that no invoice takes stays on the
receipt as unapplied cash (or credit on account) and is recorded as such; no money is lost in rounding or overpayment.

A step that the ERP names by an own id is recorded once: the same again changes nothing, other content is refused.
"""

from collections_service.receipts.decisions.allocating import NOTHING, CashApplication
from collections_service.receipts.decisions.applying import apply, unapply
from collections_service.receipts.decisions.identifying import identify
from collections_service.receipts.decisions.paying_out import refund
from collections_service.receipts.decisions.receiving import post_credit_memo, receive
from collections_service.receipts.decisions.reversing import reverse

__all__ = [
    "NOTHING",
    "CashApplication",
    "apply",
    "identify",
    "post_credit_memo",
    "receive",
    "refund",
    "reverse",
    "unapply",
]
