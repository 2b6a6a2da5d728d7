"""What happens next: one operation, drawn by a seeded generator that looks at how things stand.

Most operations are possible, some are not: what is refused must change nothing. Two legal entities, two currencies,
three customers that span both; about a dozen invoices are alive at a time, some of them disputed before the ledger
knows them.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace
from support.side_by_side import MONDAY, TEXT

from collections_service.open_items.commands import (
    CancelInvoice,
    CorrectInvoice,
    FinishRecoveryTask,
    HandOverCollection,
    HandOverRecoveryTask,
    PostWriteOff,
    RecoveryTaskCommand,
    RegisterInvoice,
    TakeCollectionBack,
    TakeRecoveryTask,
)
from collections_service.open_items.events import CashDiscount, Line
from collections_service.open_items.state import RecoveryTask
from collections_service.receipts.commands import (
    ApplyReceipt,
    IdentifyPayer,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from dispute_service.disputes import commands as c
from dispute_service.disputes.document import PREFIX
from dispute_service.disputes.state import ENDED, Dispute, Status
from redress.ids import public_id
from redress.money import Money
from walk.books import COUNTS_FROM_ITS_DAY, Bill, Cash
from walk.operations import (
    CHANGE_CUSTOMER,
    REVERSE_WRITE_OFF,
    SETTLE,
    AllIsHeard,
    Asked,
    DaysPass,
    Heard,
    HeardTogether,
    OnTask,
    Operation,
    dispute_called,
)
from walk.walk import Walk

ENTITIES: Final = ("DE01", "US01")
CURRENCIES: Final = ("EUR", "USD")
CUSTOMERS: Final = ("K-1", "K-2", "K-3")
REASONS: Final = (None, None, None, "damaged goods", "2. Rate", "price", "freight")
CODES: Final = (
    "CREDIT_FULL", "CREDIT_FULL", "CREDIT_PARTIAL", "REJECTED_COLLECT", "REJECTED_COLLECT", "WRITE_OFF_SMALL",
    "WRITE_OFF_BAD_DEBT", "GOODWILL", "CUSTOMER_PAID", "OFFSET", "CASH_REAPPLIED", "REBILL", "REFUND",
    "VOID_LOGGED_IN_ERROR",
)  # fmt: skip
_NOT_OF_THE_ERP: Final = (Asked, OnTask, Heard, HeardTogether, AllIsHeard, DaysPass)
ALIVE: Final = 12
DELIVERIES: Final = (12, 34, 34, 70)  # how often something is delivered: by seed, for late deliveries find other things
PROTEST: Final = "under_protest" in NamedInvoice.__struct_fields__


class PeopleAndErp:
    """Draws operations for a walk. The same seed and the same walk give the same operations."""

    def __init__(self, seed: int, walk: Walk) -> None:
        self.random = Random(seed)
        self.walk = walk
        self.serial = 0
        self.invoices: list[str] = []  # the youngest last
        self.planned: dict[str, RegisterInvoice] = {}  # disputed already, and not posted yet
        self.sent: list[Operation] = []
        self.is_calm = seed % 3 == 0  # people and disputes rather than cash
        deliveries = DELIVERIES[seed % len(DELIVERIES)]
        self._kinds: Sequence[tuple[int, Callable[[], Operation | None]]] = (
            (deliveries, self._hear),
            (5, self._hear_together),
            (4, self._all_is_heard),
            (2, self._days_pass),
            (6, self._register),
            (3, self._correct),
            (1, self._cancel),
            (5 if self.is_calm else 11, self._pay),
            (7, self._credit),
            (4, self._apply),
            (4, self._unapply),
            (6, self._reverse),
            (2, self._refund),
            (2, self._identify),
            (3, self._write_off),
            (2, self._hand_over),
            (1, self._present_again),
            (2, self._again),
            (18 if self.is_calm else 9, self._open),
            (5, self._decide),
            (9, self._resolve),
            (3, self._withdraw),
            (5, self._reopen),
            (1, self._close),
            (3, self._work),
            (4, self._on_task),
            (2 if CHANGE_CUSTOMER else 0, self._change_customer),
            (3 if REVERSE_WRITE_OFF else 0, self._take_write_off_back),
            (2 if SETTLE else 0, self._settle),
        )

    def next(self) -> Operation:
        weights = [weight for weight, _ in self._kinds]
        while True:
            (_, draw), *_ = self.random.choices(self._kinds, weights)
            operation = draw()
            if operation is not None:
                self.sent.append(operation)
                return operation

    # -- time and deliveries

    def _hear(self) -> Operation | None:
        waiting = self.walk.cores.waiting()
        if not waiting:
            return None
        side, stream = self.random.choice(waiting)
        return Heard(side, stream, again=self._happens(0.05))

    def _hear_together(self) -> Operation:
        return HeardTogether(self._one(["ledger", "disputes"]), self.random.randrange(10**6))

    def _all_is_heard(self) -> Operation:
        return AllIsHeard(self.random.randrange(10**6))

    def _days_pass(self) -> Operation:
        return DaysPass(self.random.randint(1, 6))

    # -- invoices

    def _register(self) -> Operation | None:
        if self.planned and self._happens(0.6):
            message = self.planned.pop(self.random.choice(list(self.planned)))
        elif len(self.invoices) >= ALIVE and self._happens(0.7):
            return None
        else:
            message = self._new_invoice()
        self.invoices.append(message.invoice_id)
        return message

    def _new_invoice(self) -> RegisterInvoice:
        entity, currency = self._one(ENTITIES), self._one(CURRENCIES)
        others = [other for name in self.invoices[-ALIVE:] if (other := f"{entity}-{name.split('-')[1]}") != name]
        taken = {*self.invoices, *self.planned}
        invoice_id = self._one(others) if others and self._happens(0.5) else f"{entity}-{self._next()}"
        invoice_id = f"{entity}-{self._next()}" if invoice_id in taken else invoice_id
        total = self._one([10_000, 30_000, 100_000, self.random.randint(1_000, 200_000)])
        issued = self._day(-40, -5)
        return RegisterInvoice(
            invoice_id=invoice_id,
            source=f"erp-{entity}",
            legal_entity=entity,
            customer_id=self._one(CUSTOMERS),
            issued_on=issued,
            due_on=issued + timedelta(days=self._one([0, 14, 30, 60])),
            total=Money(total, currency),
            lines=self._lines(total, currency) if self._happens(0.35) else (),
            discount=CashDiscount(Decimal(self._one([2, 3])), self._one([10, 30])) if self._happens(0.25) else None,
        )

    def _lines(self, total: int, currency: str) -> tuple[Line, ...]:
        first = self.random.randint(1, total - 1)
        return Line(line="1", amount=Money(first, currency)), Line(line="2", amount=Money(total - first, currency))

    def _correct(self) -> Operation | None:
        found = self._known_invoice()
        if found is None:
            return None
        invoice_id, bill = found
        total = self._one([None, bill.total, self._amount(bill.total), self._amount(2 * bill.total), bill.total - 1])
        lines = None
        if bill.lines and self._happens(0.5):
            first = self._one([0, 1, self._amount(bill.total)])
            name = self._one(["1", "2", "10"])
            lines = (
                Line(line=name, amount=Money(first, bill.currency)),
                Line(line=f"{name}b", amount=Money(max(0, bill.total - first), bill.currency)),
                *([Line(line="2", amount=Money(5, bill.currency))] if name != "2" and self._happens(0.5) else []),
            )
        correction = CorrectInvoice(
            invoice_id=invoice_id,
            corrected_on=self._day(-10, 2),
            total=None if total is None or total <= 0 else Money(total, bill.currency),
            due_on=self._day(-10, 40) if self._happens(0.2) else None,
            lines=lines,
        )
        return replace(correction, from_start=True) if COUNTS_FROM_ITS_DAY and self._happens(0.2) else correction

    def _cancel(self) -> Operation | None:
        untouched = [name for name in self._alive() if self._bill(name).open.now == self._bill(name).total]
        found = (name := self._one(untouched), self._bill(name)) if untouched else self._known_invoice()
        return None if found is None else CancelInvoice(invoice_id=found[0], cancelled_on=self._day(-5, 1))

    def _write_off(self) -> Operation | None:
        found = self._known_invoice()
        if found is None:
            return None
        invoice_id, bill = found
        return PostWriteOff(
            source=bill.message.source,
            write_off_id=f"W-{self._next()}",
            invoice_id=invoice_id,
            posted_on=self._day(-10, 2),
            amount=Money(self._part_of(bill.open.now), bill.currency),
            kind=self._one(["small_difference", "bad_debt"]),
        )

    def _take_write_off_back(self) -> Operation | None:
        found = [(name, each) for name in self._alive() for each in self._bill(name).written_off.values() if each.left]
        if not found:
            return None
        name, written_off = self._one(found)
        amount = Money(self._part_of(written_off.left), written_off.message.amount.currency)
        message: Operation = REVERSE_WRITE_OFF(
            source=written_off.message.source,
            write_off_id=written_off.message.write_off_id,
            invoice_id=name,
            reversal_id=f"R-{self._next()}",
            reversed_on=self._day(-5, 2),
            amount=self._one([None, amount]),
        )
        return message

    def _change_customer(self) -> Operation | None:
        found = self._known_invoice()
        if found is None:
            return None
        message: Operation = CHANGE_CUSTOMER(
            invoice_id=found[0], customer_id=self._one(CUSTOMERS), changed_on=self._day(-9, 0)
        )
        return message

    def _hand_over(self) -> Operation | None:
        found = self._known_invoice()
        if found is None:
            return None
        day = self._day(-3, 0)
        if found[1].is_handed_over:
            return TakeCollectionBack(invoice_id=found[0], taken_back_on=day)
        return HandOverCollection(invoice_id=found[0], to=self._one(["agency", "lawyer"]), handed_on=day)

    # -- cash and credits

    def _pay(self) -> Operation | None:
        named, account = self._named(words=True)
        if account is None:
            return None
        customer, currency = account
        more = self._one([0, 0, 0, self._amount(20_000)])
        return ReceivePayment(
            source=self._one(["bank-1", "bank-2"]),
            payment_id=f"P-{self._next() if self._happens(0.8) else self.random.randint(1, 30)}",
            customer_id="" if self._happens(0.06) else customer,
            received_on=self._day(-30, 4),
            amount=Money(sum(each.amount.minor for each in named) + more or 100, currency),
            allocations=named,
            remittance_reason=self._one(REASONS),
            claim_number=self._one([None, None, None, "C-77"]),
        )

    def _credit(self) -> Operation | None:
        named, account = self._named(disputes=True)
        if account is None:
            return None
        return PostCreditMemo(
            source="erp-DE01",
            credit_memo_id=f"CM-{self._next()}",
            legal_entity=self._one(ENTITIES),
            customer_id=account[0],
            issued_on=self._day(-10, 2),
            total=Money(sum(each.amount.minor for each in named) + self._one([0, 0, 500]) or 100, account[1]),
            allocations=named,
        )

    def _named(
        self, *, words: bool = False, disputes: bool = False
    ) -> tuple[tuple[NamedInvoice, ...], tuple[str, str] | None]:
        """Some invoices of one customer and currency with an amount each, now and then one of somebody else."""
        found = self._known_invoice()
        if found is None:
            return (), None
        account = found[1].account
        names = [found[0]] if self._happens(0.95) else []
        mine = [name for name in self._alive() if self._bill(name).account == account and name not in names]
        if mine and self._happens(0.2):
            names.append(self._one(mine))
        if self._happens(0.02):
            names.append(self._one([name for name in [*self._alive(), "unknown"] if name not in names]))
        return tuple(self._named_invoice(name, account[1], words, disputes) for name in names), account

    def _named_invoice(self, invoice_id: str, currency: str, words: bool, disputes: bool) -> NamedInvoice:
        bill = self.walk.books.bills.get(invoice_id)
        is_open = bill.open.now if bill else 500
        holders = [key for key, held in self.walk.holders(invoice_id) if held] if disputes else []
        part = self._part_of(max(1, is_open // 3))
        amount = self._one([is_open, self._part_of(is_open), part, part if self.is_calm else is_open + 300])
        dispute = None
        if holders and self._happens(0.7):
            key = self._one(holders)
            state = self.walk.dispute(key)
            here = [item for item in state.items if item.invoice_id == invoice_id]
            wanted = [sum(item.awaiting_credit for item in here), sum(item.open for item in here)]
            amount = self._one([each for each in wanted if each] or [amount])
            dispute = public_id(PREFIX, key) if self._happens(0.5) else None
        elif disputes and self._happens(0.1) and self.walk.disputes:
            dispute = public_id(PREFIX, self._one(self.walk.disputes))
        if not words:
            return NamedInvoice(invoice_id, Money(max(1, amount), currency), dispute)
        protest: dict[str, Any] = {"under_protest": True} if PROTEST and self._happens(0.15) else {}
        return NamedInvoice(
            invoice_id,
            Money(max(1, amount), currency),
            claim_number=self._one([None, None, None, None, "CL-1"]),
            settles_in_full=self._one([None, None, None, True, False]),
            withheld_tax=Money(50, currency) if self._happens(0.05) else None,
            **protest,
        )

    def _apply(self) -> Operation | None:
        found = self._receipt(lambda cash: cash.unapplied.now > 0)
        if found is None:
            return None
        name, cash = found
        mine = [i for i in self._alive() if self._bill(i).currency == cash.currency]
        if not mine:
            return None
        invoices = self.random.sample(mine, min(len(mine), self._one([1, 1, 2])))
        share = cash.unapplied.now // len(invoices) or 1
        return ApplyReceipt(
            receipt=name,
            application_id=f"A-{self._next()}",
            applied_on=self._day(-10, 2),
            allocations=tuple(
                NamedInvoice(i, Money(self._one([share, self._part_of(share), share + 5]), cash.currency))
                for i in invoices
            ),
        )

    def _unapply(self) -> Operation | None:
        found = self._receipt(lambda cash: cash.unapplied.now < cash.left)
        if found is None:
            return None
        name, cash = found
        there = self.walk.books.on_invoices(name)
        off = self.random.sample(list(there), min(len(there), self._one([1, 1, 2])))
        return UnapplyReceipt(
            receipt=name,
            application_id=f"U-{self._next()}",
            unapplied_on=self._day(-10, 2),
            currency=cash.currency,
            allocations=tuple(
                TakenOff(i, Money(self._part_of(there[i] + 1), cash.currency) if self._happens(0.4) else None)
                for i in off
            ),
        )

    def _reverse(self) -> Operation | None:
        found = self._receipt(lambda cash: cash.left > 0)
        if found is None:
            return None
        name, cash = found
        amount = None if self._happens(0.5) else self._part_of(cash.left)
        there = self.walk.books.on_invoices(name)
        named: tuple[NamedInvoice, ...] = ()
        if amount is not None and there and self._happens(0.4):
            invoice_id = self._one(list(there))
            part = min(amount, there[invoice_id])
            named = (NamedInvoice(invoice_id, Money(part, cash.currency)),)
        return ReverseReceipt(
            receipt=name,
            reversal_id=f"B-{self._next()}",
            reversed_on=self._day(-10, 2),
            amount=None if amount is None else Money(amount, cash.currency),
            allocations=named,
        )

    def _refund(self) -> Operation | None:
        found = self._receipt(lambda cash: cash.unapplied.now > 0)
        if found is None:
            return None
        name, cash = found
        return RefundReceipt(
            receipt=name,
            refund_id=f"F-{self._next()}",
            refunded_on=self._day(-5, 2),
            amount=Money(self._one([cash.unapplied.now, self._part_of(cash.unapplied.now + 1)]), cash.currency),
        )

    def _identify(self) -> Operation | None:
        found = self._receipt(lambda cash: not cash.customer or self._happens(0.02))
        if found is None:
            return None
        return IdentifyPayer(receipt=found[0], customer_id=self._one(CUSTOMERS), identified_on=self._day(-1, 0))

    def _present_again(self) -> Operation | None:
        found = self._receipt(lambda cash: cash.is_back)
        if found is None or not isinstance(message := found[1].message, ReceivePayment):
            return None
        return ReceivePayment(
            source=message.source,
            payment_id=message.payment_id,
            customer_id=message.customer_id,
            received_on=self._day(-3, 2),
            amount=message.amount,
            allocations=message.allocations,
            remittance_reason=self._one(REASONS),
        )

    def _again(self) -> Operation | None:
        """The ERP says something again, word for word."""
        told = [
            each
            for each in self.sent[-60:]
            if not isinstance(each, Asked | OnTask | Heard | HeardTogether | AllIsHeard | DaysPass)
        ]
        return self._one(told) if told else None

    # -- people

    def _open(self) -> Operation | None:
        customer, items = self._items()
        if not items:
            return None
        command = c.Open(
            at=MONDAY,
            customer_id=customer,
            items=items,
            reason_code=self._one(["PRICE", "DAMAGED", "QTY_SHORT", "TAX"]),
            origin="email",
            legal_entity=self._one(ENTITIES),
        )
        return Asked(dispute_called(str(self._next())), command, days_ago=self._one([0, 0, 0, 0, 3, 20]))

    def _items(self) -> tuple[str, tuple[c.ContestedItem, ...]]:
        if self._happens(0.12):
            return self._items_of_a_planned_invoice()
        found = self._contested_invoice() if self._happens(0.5) else self._known_invoice()
        if found is None:
            return "", ()
        bill = found[1]
        names = [found[0]]
        mine = [name for name in self._alive() if self._bill(name).account == bill.account and name != found[0]]
        if mine and self._happens(0.25):
            names.append(self._one(mine))
        items = []
        for name in names:
            lines: list[str | None] = list(self._bill(name).lines)
            chosen = self.random.sample(lines, self._one([0, 1, len(lines)])) if lines else []
            free = max(self.walk.free(name), self._bill(name).total // 2 if self._happens(0.3) else 1)
            items += [
                c.ContestedItem(
                    invoice_id=name,
                    line=line,
                    amount=Money(self._part_of(self._one([free + 1, free // 3])), bill.currency),
                    known=True,
                )
                for line in chosen or [None]
            ]
        return bill.customer if self._happens(0.98) else self._one(CUSTOMERS), tuple(items)

    def _items_of_a_planned_invoice(self) -> tuple[str, tuple[c.ContestedItem, ...]]:
        """Of an invoice that the ledger does not know yet; sometimes it will be another customer's, or have another
        currency or other lines."""
        if not self.planned or self._happens(0.5):
            message = self._new_invoice()
            self.planned[message.invoice_id] = message
        message = self._one(list(self.planned.values()))
        currency = message.total.currency if self._happens(0.8) else self._one(CURRENCIES)
        amount = Money(self._amount(message.total.minor), currency)
        line = self._one([None, None, "1", "9"])
        item = c.ContestedItem(invoice_id=message.invoice_id, line=line, amount=amount, known=False)
        return message.customer_id if self._happens(0.85) else self._one(CUSTOMERS), (item,)

    def _decide(self) -> Operation | None:
        found = self._dispute(lambda state: state.is_active)
        if found is None:
            return None
        key, state = found
        if self._happens(0.5):
            valid = self._part_of(state.contested + 1) if self._happens(0.7) else self._one([0, state.contested])
            command = c.Decide(
                at=MONDAY, root_cause="UNKNOWN", rationale=TEXT, valid=state.money(valid),
                invalid=state.money(max(0, state.contested - valid)),
            )  # fmt: skip
            return self._asked(key, command)
        judged = []
        for position, item in enumerate(state.items):
            if item.contested:
                valid = self._one([0, item.contested, self._part_of(item.contested)])
                judged.append(
                    c.JudgedItem(
                        item=c.ItemName(position=position),
                        valid=state.money(valid),
                        invalid=state.money(item.contested - valid),
                    )
                )
        return self._asked(key, c.Decide(at=MONDAY, root_cause="UNKNOWN", rationale=TEXT, items=tuple(judged)))

    def _resolve(self) -> Operation | None:
        found = self._dispute(lambda state: state.is_active)
        if found is None:
            return None
        key, state = found
        code, credited, items = self._one(CODES), None, None
        if code in {"CREDIT_PARTIAL", "GOODWILL", "REFUND"} and self._happens(0.8):
            if self._happens(0.6):
                credited = state.money(self._part_of(state.contested))
            else:
                items = tuple(
                    c.CreditedItem(
                        item=c.ItemName(position=position), credited=state.money(self._part_of(item.contested))
                    )
                    for position, item in enumerate(state.items)
                    if item.contested
                )
        return self._asked(key, c.Resolve(at=MONDAY, resolution_code=code, credited=credited, items=items))

    def _withdraw(self) -> Operation | None:
        found = self._dispute(lambda state: state.is_active)
        return None if found is None else self._asked(found[0], c.Withdraw(at=MONDAY, reason="found it"))

    def _settle(self) -> Operation | None:
        found = self._dispute(lambda state: state.status is Status.SETTLING)
        if found is None:
            return None
        into = self._one(["rejected", "withdrawn"])
        return self._asked(found[0], SETTLE(at=MONDAY, into=into, reason=f"nothing comes {self._next()}"))

    def _reopen(self) -> Operation | None:
        found = self._dispute(lambda state: state.status in ENDED or state.status is Status.SETTLING)
        return None if found is None else self._asked(found[0], c.Reopen(at=MONDAY, reason=f"new {self._next()}"))

    def _close(self) -> Operation | None:
        found = self._dispute(lambda state: state.status is Status.RESOLVED)
        return None if found is None else self._asked(found[0], c.Close(at=MONDAY))

    def _work(self) -> Operation | None:
        found = self._dispute(lambda state: state.is_active)
        if found is None:
            return None
        commands: Sequence[c.DisputeCommand] = (
            c.Classify(at=MONDAY, reason_code=self._one(["PRICE", "FREIGHT"])),
            c.AssignTo(at=MONDAY, owner="eva", team=None),
            c.AssignByMatrix(at=MONDAY),
            c.RequestInformation(
                at=MONDAY, request_id=f"q{self._next()}", asked="customer", what=TEXT, due=self._day(3, 9)
            ),
            c.RecordInformation(at=MONDAY, record_id=f"r{self._next()}", text=TEXT),
            c.AddNote(at=MONDAY, note_id=f"n{self._next()}", text=TEXT, visibility="internal"),
            c.Escalate(at=MONDAY, level=found[1].escalation_level + 1, reason="late"),
        )
        return Asked(found[0], self._one(commands))

    def _on_task(self) -> Operation | None:
        tasks = [(name, task) for name in self._alive() for task in self.walk.cores.item(name).tasks if task.is_live]
        if not tasks:
            return None
        name, task = self._one(tasks)
        return OnTask(name, self._one(_task_commands(task)))

    def _asked(self, key: UUID, command: c.DisputeCommand) -> Asked:
        return Asked(key, command, days_ago=self._one([0, 0, 0, 0, 0, 2, 9]))

    # -- drawing

    def _one(self, choices: Sequence[Any]) -> Any:  # noqa: ANN401 - whatever it is drawn from
        return self.random.choice(choices)

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def _next(self) -> int:
        self.serial += 1
        return self.serial

    def _amount(self, bound: int) -> int:
        return self.random.randint(1, max(1, bound))

    def _part_of(self, amount: int) -> int:
        """Of nothing: 1, which will be refused where it must not be."""
        return self._one([amount, amount // 2, self._amount(amount), self._amount(amount)]) or 1

    def _day(self, first: int, last: int) -> date:
        return self.walk.cores.now.date() + timedelta(days=self.random.randint(first, last))

    def _alive(self) -> list[str]:
        return [name for name in self.invoices[-ALIVE:] if name in self.walk.books.bills]

    def _bill(self, invoice_id: str) -> Bill:
        return self.walk.books.bills[invoice_id]

    def _known_invoice(self) -> tuple[str, Bill] | None:
        alive = self._alive()
        if not alive:
            return None
        name = self._one(alive)
        return name, self._bill(name)

    def _contested_invoice(self) -> tuple[str, Bill] | None:
        """One that is disputed already, and not as a whole."""
        alive = [name for name in self._alive() if self.walk.holders(name) and self.walk.free(name) > 0]
        return (name := self._one(alive), self._bill(name)) if alive else self._known_invoice()

    def _receipt(self, wanted: Callable[[Cash], bool]) -> tuple[ReceiptName, Cash] | None:
        found = [(name, cash) for name, cash in list(self.walk.books.receipts.items())[-40:] if wanted(cash)]
        return self._one(found) if found else None

    def _dispute(self, wanted: Callable[[Dispute], bool]) -> tuple[UUID, Dispute] | None:
        found = [(key, state) for key in self.walk.disputes[-40:] if wanted(state := self.walk.dispute(key))]
        return self._one(found) if found else None


def _task_commands(task: RecoveryTask) -> list[RecoveryTaskCommand]:
    return [
        TakeRecoveryTask(dispute_id=task.dispute_id, number=task.number, by="kim"),
        HandOverRecoveryTask(dispute_id=task.dispute_id, number=task.number, to="eva", reason="holiday"),
        FinishRecoveryTask(dispute_id=task.dispute_id, number=task.number, by="kim", result="paid"),
    ]
