"""The meaning of each message about an invoice. A decision returns events or refuses; no events means "already so".

Decisions come in families, a module each; what a payment earns and leaves is judged in `earning`.
"""

from collections_service.open_items.decisions.collection import hand_over, take_back
from collections_service.open_items.decisions.credit_memos import (
    apply_credit_memo,
    reverse_credit_memo,
    unapply_credit_memo,
)
from collections_service.open_items.decisions.disputes import report_dispute
from collections_service.open_items.decisions.invoices import (
    brought_along,
    cancel,
    change_customer,
    correct,
    register,
    share,
)
from collections_service.open_items.decisions.payments import (
    apply_cash,
    apply_payment,
    reverse_payment,
    unapply_payment,
)
from collections_service.open_items.decisions.write_offs import post_write_off, reverse_write_off

__all__ = [
    "apply_cash",
    "apply_credit_memo",
    "apply_payment",
    "brought_along",
    "cancel",
    "change_customer",
    "correct",
    "hand_over",
    "post_write_off",
    "register",
    "report_dispute",
    "reverse_credit_memo",
    "reverse_payment",
    "reverse_write_off",
    "share",
    "take_back",
    "unapply_credit_memo",
    "unapply_payment",
]
