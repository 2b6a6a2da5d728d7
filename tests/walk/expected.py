"""What a posting of the ledger says, and what is expected of the disputes that hear it."""

from uuid import UUID

import msgspec

from dispute_service.disputes.document import PREFIX
from redress.contracts.collections_events import InvoiceSummary
from redress.contracts.common import WireMoney
from redress.ids import parse_public_id
from walk import contests
from walk.contests import Hold, Holds
from walk.identity import called
from walk.promises import Promise, holds

BACK = frozenset(
    {"payment-reversed", "payment-unapplied", "credit-memo-reversed", "credit-memo-unapplied", "write-off-reversed"}
)
SHAPES = frozenset({"invoice-changed", "discount-granted", "discount-withdrawn", "invoice-cancelled"})
NO_POSTINGS = frozenset(
    {
        "dispute-hold-placed", "dispute-hold-released", "recovery-task-opened", "recovery-task-changed",
        "collection-handed-over", "collection-taken-back",
    }
)  # fmt: skip


class Posting(msgspec.Struct, frozen=True):
    """As far as it matters here; `invoice` is the invoice after it."""

    invoice: InvoiceSummary | None = None
    dispute_id: str | None = None
    applied: WireMoney | None = None
    amount: WireMoney | None = None

    @property
    def of(self) -> str | None:
        """What the walk calls the invoice."""
        return called(self.invoice.invoice_id, self.invoice.legal_entity) if self.invoice else None

    @property
    def minor(self) -> int:
        said = self.applied or self.amount
        return said.money().minor if said else 0

    @property
    def is_open(self) -> int:
        return max(0, self.invoice.open.money().minor) if self.invoice else 0

    @property
    def total(self) -> int:
        return self.invoice.total.money().minor if self.invoice else 0

    @property
    def has_no_lines(self) -> bool:
        return self.invoice is not None and not self.invoice.lines

    @property
    def named(self) -> UUID | None:
        """The dispute that a credit memo names; None also for a name that is none."""
        try:
            return None if self.dispute_id is None else parse_public_id(PREFIX, self.dispute_id)
        except ValueError:
            return None


decode = msgspec.json.Decoder(Posting).decode


def expect(kind: str, posting: Posting, total_before: int, before: Holds, after: Holds, told: str) -> None:  # noqa: PLR0917
    """Broken where a posting does something else to disputes than the records say."""
    if kind in NO_POSTINGS:
        holds(Promise.ELSEWHERE, before == after, told)
    elif kind in {"payment-applied", "write-off-posted"}:
        awaited = contests.PAYMENT if kind == "payment-applied" else contests.WRITE_OFF
        expected = contests.after_a_payment(before, posting.minor, posting.is_open, awaited)
        holds(Promise.OLDEST, _live(expected) == after, told)
    elif kind == "credit-memo-applied":
        expected = contests.after_a_credit(before, posting.minor, posting.named, posting.is_open)
        holds(Promise.SERVES, _live(expected) == after, told)
    elif kind in SHAPES:
        less = max(0, total_before - posting.total)
        amounts = contests.after_a_smaller_invoice(before, less, posting.is_open)
        said = {key: hold.amount for key, hold in after.items()}
        holds(Promise.SMALLER, said == {key: amount for key, amount in amounts.items() if amount}, told)


def _live(after: Holds) -> dict[UUID, Hold]:
    return {key: hold for key, hold in after.items() if hold.amount}
