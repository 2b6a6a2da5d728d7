"""The ledger as its records describe it, worked out once more: decisions 0041 and 0044, domain.md §7.5.

It reads the ERP's messages and nothing that the service computed, with one exception: which cash discount is granted is
a judgement (decision 0043), so what the service granted is taken over (`discounted`) and bounded elsewhere. Days are
searched one by one; there is no cleverness here that could share a mistake with the service.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from collections_service.open_items.commands import (
    CancelInvoice,
    ChangeCustomer,
    CorrectInvoice,
    HandOverCollection,
    PostWriteOff,
    RegisterInvoice,
    TakeCollectionBack,
)
from collections_service.postings.commands import LedgerCommand
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    UnapplyReceipt,
)

COUNTS_FROM_ITS_DAY = "from_start" in CorrectInvoice.__struct_fields__
"""Whether a correction counts from its day, whatever was told of later days before (issue 9 §6)."""


class Refused(Exception):
    """The records say that this message has no effect and is refused."""


@dataclass
class Days:
    """An amount by day: what it changes by on each."""

    steps: dict[date, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def now(self) -> int:
        return sum(self.steps.values())

    def on(self, day: date) -> int:
        return sum(change for at, change in self.steps.items() if at <= day)

    def move(self, day: date, change: int) -> None:
        self.steps[day] += change

    def first_with_room(self, wanted: date, amount: int) -> date:
        """The first day from `wanted` on from which `amount` is there and stays."""
        later = [wanted, *sorted(day for day in self.steps if day > wanted)]
        return next(first for first in later if all(self.on(day) >= amount for day in later if day >= first))

    def changes(self) -> dict[date, int]:
        return {day: change for day, change in self.steps.items() if change}


@dataclass
class Part:
    """What an invoice has of a receipt, as it was applied once."""

    invoice_id: str
    receipt: ReceiptName
    on: date
    left: int


@dataclass
class WrittenOff:
    message: PostWriteOff
    on: date
    gone: int = 0
    reversals: dict[str, object] = field(default_factory=dict)

    @property
    def left(self) -> int:
        return self.message.amount.minor - self.gone


@dataclass
class Bill:
    message: RegisterInvoice
    customer: str
    total: int
    due_on: date
    lines: Mapping[str, int]
    open: Days = field(default_factory=Days)
    asked: Days = field(default_factory=Days)
    is_cancelled: bool = False
    is_handed_over: bool = False
    written_off: dict[str, WrittenOff] = field(default_factory=dict)
    discounted: int = 0

    @property
    def account(self) -> tuple[str, str]:
        return self.customer, self.currency

    @property
    def currency(self) -> str:
        return self.message.total.currency


@dataclass
class Cash:
    """A receipt: all of it is on invoices, unapplied, returned or refunded."""

    message: ReceivePayment | PostCreditMemo
    customer: str
    amount: int
    currency: str
    on: date
    unapplied: Days = field(default_factory=Days)
    returned: int = 0
    refunded: int = 0
    returned_on: date | None = None
    has_moved: bool = False
    was_presented_before: bool = False
    steps: dict[tuple[str, str], object] = field(default_factory=dict)

    @property
    def is_back(self) -> bool:
        return self.returned == self.amount

    @property
    def left(self) -> int:
        return self.amount - self.returned - self.refunded


class Books:
    """All invoices and receipts. `hear` raises Refused where the records say so, and changes nothing then."""

    def __init__(self) -> None:
        self.bills: dict[str, Bill] = {}
        self.receipts: dict[ReceiptName, Cash] = {}
        self.parts: list[Part] = []

    def hear(self, message: LedgerCommand) -> None:  # noqa: C901, PLR0912 - one arm per message
        match message:
            case RegisterInvoice():
                self._register(message)
            case CorrectInvoice():
                self._correct(message)
            case CancelInvoice():
                self._cancel(message)
            case PostWriteOff():
                self._write_off(message)
            case HandOverCollection() | TakeCollectionBack():
                self._hand_over(message)
            case ReceivePayment() | PostCreditMemo():
                self._receive(message)
            case ApplyReceipt():
                self._apply(message)
            case UnapplyReceipt():
                self._unapply(message)
            case ReverseReceipt():
                self._reverse(message)
            case RefundReceipt():
                self._refund(message)
            case IdentifyPayer():
                self._identify(message)
            case ChangeCustomer():
                self._change_customer(message)
            case _:
                self._take_write_off_back(message)

    def discounted(self, invoice_id: str, on: date, amount: int) -> None:
        """The service granted a cash discount, or with a negative amount withdrew one."""
        bill = self.bills[invoice_id]
        bill.discounted += amount
        bill.open.move(on, -amount)

    # -- invoices

    def _register(self, message: RegisterInvoice) -> None:
        known = self.bills.get(message.invoice_id)
        lines = {line.line: line.amount.minor for line in message.lines}
        if known is not None:
            told = (message.customer_id, message.total.minor, message.due_on, lines)
            is_corrected = (known.customer, known.total, known.due_on, known.lines) != told
            _refuse_if(known.is_cancelled or known.message != message or is_corrected)
            return
        bill = Bill(message, message.customer_id, message.total.minor, message.due_on, lines)
        _move_total(bill, message.issued_on, message.total.minor)
        self.bills[message.invoice_id] = bill

    def _correct(self, message: CorrectInvoice) -> None:
        bill = self._bill(message.invoice_id)
        total = bill.total if message.total is None else message.total.minor
        _refuse_if(bill.is_cancelled or total < bill.total - bill.open.now)
        day = bill.message.issued_on if _is_from_start(message) else max(message.corrected_on, bill.message.issued_on)
        if not COUNTS_FROM_ITS_DAY:
            _move_total(bill, day, total - bill.total)
        elif message.total is not None:
            self._ask_for_from(bill, day, total)
        bill.total = total
        bill.due_on = message.due_on or bill.due_on
        if message.lines is not None:
            bill.lines = {line.line: line.amount.minor for line in message.lines}

    def _ask_for_from(self, bill: Bill, day: date, total: int) -> None:
        """From the day on the invoice asks for the total on every day, whatever was said of later days before; what is
        more counts at once, what is less from the first day with room for it."""
        later = [(at, -change) for at, change in sorted(bill.asked.changes().items()) if at > day]
        changes = [(day, total - bill.asked.on(day)), *later]
        for at, change in sorted(changes, key=lambda pair: (pair[1] <= 0, pair[0])):
            _move_total(bill, at, change)

    def _cancel(self, message: CancelInvoice) -> None:
        bill = self._bill(message.invoice_id)
        if bill.is_cancelled:
            return
        _refuse_if(bill.open.now != bill.total)
        day = max(message.cancelled_on, bill.message.issued_on)
        bill.open.move(bill.open.first_with_room(day, bill.total), -bill.total)
        bill.is_cancelled = True

    def _write_off(self, message: PostWriteOff) -> None:
        bill = self._bill(message.invoice_id)
        _refuse_if(message.amount.currency != bill.currency)
        if message.write_off_id in bill.written_off:
            known = bill.written_off[message.write_off_id]
            _refuse_if(known.message != message or known.gone > 0)
            return
        _refuse_if(message.amount.minor > bill.open.now)
        day = bill.open.first_with_room(message.posted_on, message.amount.minor)
        bill.open.move(day, -message.amount.minor)
        bill.written_off[message.write_off_id] = WrittenOff(message, day)

    def _take_write_off_back(self, message: Any) -> None:  # noqa: ANN401 - a kind that is not always there
        bill = self._bill(message.invoice_id)
        known = bill.written_off.get(message.write_off_id)
        if known is None:
            raise Refused
        if message.reversal_id in known.reversals:
            _refuse_if(known.reversals[message.reversal_id] != message)
            return
        amount = known.left if message.amount is None else message.amount.minor
        _refuse_if(not 0 < amount <= known.left)
        bill.open.move(max(message.reversed_on, known.on), amount)
        known.gone += amount
        known.reversals[message.reversal_id] = message

    def _change_customer(self, message: Any) -> None:  # noqa: ANN401
        bill = self._bill(message.invoice_id)
        _refuse_if(bill.is_cancelled)
        bill.customer = message.customer_id

    def _hand_over(self, message: HandOverCollection | TakeCollectionBack) -> None:
        bill = self._bill(message.invoice_id)
        is_handed_over = isinstance(message, HandOverCollection)
        _refuse_if(bill.is_cancelled and is_handed_over)
        bill.is_handed_over = is_handed_over

    def _bill(self, invoice_id: str) -> Bill:
        _refuse_if(invoice_id not in self.bills)
        return self.bills[invoice_id]

    # -- receipts

    def _receive(self, message: ReceivePayment | PostCreditMemo) -> None:
        name = name_of(message)
        amount = message.amount if isinstance(message, ReceivePayment) else message.total
        on = message.received_on if isinstance(message, ReceivePayment) else message.issued_on
        known = self.receipts.get(name)
        if known is not None and not _is_presented_again(known, message):
            _refuse_if(known.message != message or known.has_moved)
            return
        _refuse_if(sum(each.amount.minor for each in message.allocations) > amount.minor)
        self._must_be_payable(message.allocations, amount.currency)
        cash = Cash(message, message.customer_id, amount.minor, amount.currency, on)
        cash.was_presented_before = known is not None
        cash.steps = known.steps if known else {}
        cash.unapplied.move(on, amount.minor)
        self.receipts[name] = cash
        self._put_on_invoices(name, message.allocations, on)

    def _apply(self, message: ApplyReceipt) -> None:
        cash = self._cash(message.receipt)
        if not _is_new_step(cash, ("applied", message.application_id), message):
            return
        wanted = sum(each.amount.minor for each in message.allocations)
        _refuse_if(wanted > cash.unapplied.now)
        self._must_be_payable(message.allocations, cash.currency)
        day = cash.unapplied.first_with_room(max(message.applied_on, cash.on), wanted)
        self._put_on_invoices(message.receipt, message.allocations, day)
        _happened(cash, ("applied", message.application_id), message)

    def _must_be_payable(self, named: Sequence[NamedInvoice], currency: str) -> None:
        _refuse_if(len({each.invoice_id for each in named}) < len(named))
        for each in named:
            _refuse_if(each.amount.currency != currency or self._bill(each.invoice_id).currency != currency)

    def _put_on_invoices(self, name: ReceiptName, named: Sequence[NamedInvoice], wanted: date) -> None:
        """Each takes what is meant for it, as far as it is open."""
        for each in named:
            bill, cash = self.bills[each.invoice_id], self.receipts[name]
            amount = min(each.amount.minor, bill.open.now)
            if amount:
                day = bill.open.first_with_room(wanted, amount)
                bill.open.move(day, -amount)
                cash.unapplied.move(day, -amount)
                self.parts.append(Part(each.invoice_id, name, day, amount))

    def _unapply(self, message: UnapplyReceipt) -> None:
        cash = self._cash(message.receipt)
        if not _is_new_step(cash, ("unapplied", message.application_id), message):
            return
        names = [each.invoice_id for each in message.allocations]
        _refuse_if(message.currency != cash.currency or len(set(names)) < len(names))
        there = self.on_invoices(message.receipt)
        amounts = {
            each.invoice_id: there[each.invoice_id] if each.amount is None else each.amount.minor
            for each in message.allocations
        }
        _refuse_if(any(not 0 < amount <= there[name] for name, amount in amounts.items()))
        for invoice_id, amount in amounts.items():
            for day, part in self._taken_off(message.receipt, invoice_id, amount, message.unapplied_on):
                cash.unapplied.move(day, part)
        _happened(cash, ("unapplied", message.application_id), message)

    def _reverse(self, message: ReverseReceipt) -> None:
        cash = self._cash(message.receipt)
        if not _is_new_step(cash, ("reversed", message.reversal_id), message):
            return
        is_of_earlier_presentation = cash.was_presented_before and message.reversed_on < cash.on
        whole = message.amount is None or message.amount.minor == cash.amount
        if is_of_earlier_presentation or (cash.is_back and whole):
            return
        _refuse_if(message.amount is not None and message.amount.currency != cash.currency)
        amount = cash.left if message.amount is None else message.amount.minor
        _refuse_if(not 0 < amount <= cash.left)
        unapplied, off = self._where_it_comes_back_from(message, cash, amount)
        if unapplied:
            day = cash.unapplied.first_with_room(max(message.reversed_on, cash.on), unapplied)
            cash.unapplied.move(day, -unapplied)
        for invoice_id, part in off.items():
            self._taken_off(message.receipt, invoice_id, part, message.reversed_on)
        cash.returned += amount
        cash.returned_on = message.reversed_on
        _happened(cash, ("reversed", message.reversal_id), message)

    def _where_it_comes_back_from(self, message: ReverseReceipt, cash: Cash, amount: int) -> tuple[int, dict[str, int]]:
        """The invoices that are named, then what no invoice has, then the newest application."""
        there = self.on_invoices(message.receipt)
        off: dict[str, int] = defaultdict(int)
        _refuse_if(len({each.invoice_id for each in message.allocations}) < len(message.allocations))
        for each in message.allocations:
            _refuse_if(each.amount.minor > there[each.invoice_id])
            off[each.invoice_id] = each.amount.minor
        left = amount - sum(off.values())
        _refuse_if(left < 0)
        unapplied = min(left, cash.unapplied.now)
        left -= unapplied
        for part in reversed(self._parts_of(message.receipt)):
            more = min(left, part.left, there[part.invoice_id] - off[part.invoice_id])
            off[part.invoice_id] += more
            left -= more
        return unapplied, {name: part for name, part in off.items() if part}

    def _taken_off(self, name: ReceiptName, invoice_id: str, amount: int, on: date) -> list[tuple[date, int]]:
        """It is open on the invoice again, newest application first, never before the day it had been applied."""
        gone = []
        for part in reversed(self._parts_of(name)):
            if part.invoice_id == invoice_id and (taken := min(amount, part.left)):
                day = max(on, part.on)
                part.left -= taken
                amount -= taken
                self.bills[invoice_id].open.move(day, taken)
                gone.append((day, taken))
        return gone

    def _refund(self, message: RefundReceipt) -> None:
        cash = self._cash(message.receipt)
        if not _is_new_step(cash, ("refunded", message.refund_id), message):
            return
        _refuse_if(message.amount.currency != cash.currency or message.amount.minor > cash.unapplied.now)
        day = cash.unapplied.first_with_room(max(message.refunded_on, cash.on), message.amount.minor)
        cash.unapplied.move(day, -message.amount.minor)
        cash.refunded += message.amount.minor
        _happened(cash, ("refunded", message.refund_id), message)

    def _identify(self, message: IdentifyPayer) -> None:
        cash = self._cash(message.receipt)
        if cash.customer != message.customer_id:
            _refuse_if(bool(cash.customer))
            cash.customer, cash.has_moved = message.customer_id, True

    def _cash(self, name: ReceiptName) -> Cash:
        _refuse_if(name not in self.receipts)
        return self.receipts[name]

    def _parts_of(self, name: ReceiptName) -> list[Part]:
        return [part for part in self.parts if part.receipt == name and part.left]

    def on_invoices(self, name: ReceiptName) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for part in self._parts_of(name):
            found[part.invoice_id] += part.left
        return found

    # -- conservation

    def came(self) -> dict[str, int]:
        """By currency: what was billed less what came, was written off or granted."""
        came: dict[str, int] = defaultdict(int)
        for bill in self.bills.values():
            written_off = sum(each.left for each in bill.written_off.values())
            came[bill.currency] += (0 if bill.is_cancelled else bill.total) - written_off - bill.discounted
        for cash in self.receipts.values():
            came[cash.currency] -= cash.left
        return came


def _move_total(bill: Bill, day: date, change: int) -> None:
    on = bill.open.first_with_room(day, -change) if change < 0 else day
    bill.open.move(on, change)
    bill.asked.move(on, change)


def _is_from_start(message: CorrectInvoice) -> bool:
    return bool(getattr(message, "from_start", False))


def name_of(message: ReceivePayment | PostCreditMemo) -> ReceiptName:
    if isinstance(message, ReceivePayment):
        return ReceiptName(kind="payment", source=message.source, number=message.payment_id)
    return ReceiptName(kind="credit_memo", source=message.source, number=message.credit_memo_id)


def _is_presented_again(known: Cash, message: ReceivePayment | PostCreditMemo) -> bool:
    """From the day on which all of a payment had come back, a payment with its number is a new one."""
    if isinstance(message, PostCreditMemo) or not known.is_back or known.returned_on is None:
        return False
    same_payer = (known.customer, known.currency) == (message.customer_id, message.amount.currency)
    return same_payer and message.received_on >= known.returned_on


def _is_new_step(cash: Cash, name: tuple[str, str], message: object) -> bool:
    _refuse_if(name in cash.steps and cash.steps[name] != message)
    return name not in cash.steps


def _happened(cash: Cash, name: tuple[str, str], message: object) -> None:
    cash.steps[name] = message
    cash.has_moved = True


def _refuse_if(wrong: bool) -> None:
    if wrong:
        raise Refused
