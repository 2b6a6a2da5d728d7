"""dispute-service and collections-service side by side in memory: their rules, reactors and contracts, without I/O.

What one of them publishes reaches the other when a test says so, one stream at a time and in the stream's order, as
over several partitions. Nothing is refused to a fact: whatever a reactor raises, it raises here.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from support.collections_examples import FIRST_TOLERANCE

from collections_service.dispute_holds import reactor as dispute_holds
from collections_service.open_items.commands import (
    ChangeCustomer,
    CorrectInvoice,
    PostWriteOff,
    RegisterInvoice,
    ReverseWriteOff,
)
from collections_service.open_items.events import Line
from collections_service.open_items.refusals import OpenItemRefusal
from collections_service.open_items.state import OpenItem
from collections_service.open_items.stream import INVOICE as LEDGER_INVOICE
from collections_service.open_items.stream import invoice_stream as ledger_stream
from collections_service.postings.commands import LedgerCommand, Posting
from collections_service.postings.handle import post
from collections_service.receipts.commands import (
    ApplyReceipt,
    NamedInvoice,
    PostCreditMemo,
    ReceiptName,
    ReceivePayment,
    RefundReceipt,
    ReverseReceipt,
    TakenOff,
    UnapplyReceipt,
)
from collections_service.receipts.refusals import ReceiptRefusal
from collections_service.receipts.stream import RECEIPT
from collections_service.service import SERVICE as COLLECTIONS
from dispute_service.disputable_invoices.refusals import InvoiceRefusal
from dispute_service.disputable_invoices.state import DisputableInvoice
from dispute_service.disputable_invoices.stream import INVOICE as DISPUTABLE_INVOICE
from dispute_service.disputable_invoices.stream import invoice_stream as disputable_stream
from dispute_service.disputes import commands as c
from dispute_service.disputes.handle import handle
from dispute_service.disputes.refusals import DisputeRefusal
from dispute_service.disputes.state import Dispute, State
from dispute_service.disputes.stream import DISPUTE
from dispute_service.postings import reactor as postings
from dispute_service.service import SERVICE as DISPUTES
from redress.contracts.common import Sealed
from redress.contracts.envelope import PublishedEvent
from redress.decider import Decider
from redress.eventlog.events import Actor, Meta, NewEvent, RecordedEvent, StreamWrite
from redress.handling.unit_of_work import Cause, Streams, UnitOfWork
from redress.ids import derived_uuid, public_id
from redress.money import Money
from redress.policy.state import PolicyInForce
from redress.service.feature import Service

TENANT = "demo"
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TEXT = Sealed("customer:C-1", b"sealed")
R = TypeVar("R")


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def at_once(work: Awaitable[R]) -> R:
    """The result of work that waits for nothing."""
    try:
        next(iter(work.__await__()))
    except StopIteration as done:
        result: R = done.value
        return result
    raise AssertionError("it waits")


_DECIDERS: Mapping[str, Decider[Any, Any]] = {
    each.stream_type: each for each in (DISPUTE, DISPUTABLE_INVOICE, LEDGER_INVOICE, RECEIPT)
}


class _Side:
    """One service: its streams, and what it has published and the other one has not heard, by stream."""

    def __init__(self, service: Service[Any]) -> None:
        self._name = service.name
        self._published = {each.decider.stream_type: each for f in service.features for each in f.publishes}
        self._streams: dict[UUID, tuple[int, Any]] = {}
        self._seq = 0
        self.unheard: dict[UUID, list[PublishedEvent]] = {}
        self.recorded: list[Any] = []
        self.log: list[RecordedEvent] = []

    async def read(self, streams: Streams) -> Mapping[UUID, tuple[int, Any]]:
        return {each: self._streams.get(each, (0, decider.initial)) for each, decider in streams.items()}

    def state(self, stream: UUID, initial: R) -> R:
        state: R = self._streams.get(stream, (0, initial))[1]
        return state

    def all_of(self, kind: type[R]) -> list[tuple[UUID, R]]:
        return [(stream, state) for stream, (_, state) in self._streams.items() if isinstance(state, kind)]

    def do(self, work: Callable[[UnitOfWork], Awaitable[R]], now: datetime, effective_at: datetime) -> R:
        self._seq += 1
        meta = Meta(actor=Actor("system", "test"), command_id=f"{self._name}/{self._seq}", correlation_id="c")
        uow = UnitOfWork(TENANT, self, Cause(meta, effective_at))
        result = at_once(work(uow))
        states = {stream_id: (version, state) for stream_id, version, state in uow.states()}
        for write in uow.writes():
            self._record(write, now)
            self._streams[write.stream_id] = states[write.stream_id]
        return result

    def _record(self, write: StreamWrite, now: datetime) -> None:
        stream_id, decider = write.stream_id, _DECIDERS[write.stream_type]
        stream = self._published.get(write.stream_type)
        version, state = self._streams.get(stream_id, (0, decider.initial))
        for new in write.events:
            fact = decider.codec.decode(new.type, new.schema_version, new.payload)
            self.recorded.append(fact)
            self.log.append(_stored(write, new, version + 1, now))
            version, state = version + 1, decider.evolve(state, fact)
            public = stream.publish(fact, stream_id, state) if stream else None
            if public is not None:
                self._seq += 1
                self.unheard.setdefault(stream_id, []).append(
                    PublishedEvent(
                        id=public_id("evt", new.event_id),
                        source="test",
                        type=str(public.__struct_config__.tag),
                        subject=stream_id,
                        tenant=TENANT,
                        time=now,
                        effective_at=new.effective_at,
                        seq=self._seq,
                        epoch="e",
                        version=version,
                        dataschema="test",
                        correlation_id="c",
                        data=msgspec.Raw(msgspec.json.encode(public)),
                    )
                )


class _BuiltInPolicies:
    async def in_force(self, *_: object, **__: object) -> PolicyInForce[Any]:
        return FIRST_TOLERANCE


class SideBySide:
    """Both services. People's commands and the ERP's messages answer whether they were taken."""

    def __init__(self) -> None:
        self.disputes = _Side(DISPUTES)
        self.ledger = _Side(COLLECTIONS)
        self.now = MONDAY
        self.invoices: list[str] = []
        self.opened: dict[str, UUID] = {}

    # -- the ERP

    def invoice(
        self, total: int = 100_000, invoice_id: str = "I", *, lines: Mapping[str, int] | None = None,
        customer: str = "C-1",
    ) -> bool:  # fmt: skip
        day = MONDAY.date() - timedelta(days=20)
        return self._post(
            RegisterInvoice(
                invoice_id=invoice_id,
                source="erp",
                legal_entity="DE01",
                customer_id=customer,
                issued_on=day,
                due_on=day + timedelta(days=14),
                total=eur(total),
                lines=_lines(lines),
            ),
            day,
        )

    def correct(
        self, total: int | None = None, invoice_id: str = "I", *, lines: Mapping[str, int] | None = None
    ) -> bool:
        command = CorrectInvoice(
            invoice_id=invoice_id,
            corrected_on=self.now.date(),
            total=None if total is None else eur(total),
            lines=None if lines is None else _lines(lines),
        )
        return self._post(command, self.now.date())

    def change_customer(self, to: str, invoice_id: str = "I") -> bool:
        day = self.now.date()
        return self._post(ChangeCustomer(invoice_id=invoice_id, customer_id=to, changed_on=day), day)

    def pay(
        self,
        amount: int,
        payment_id: str = "P",
        invoice_id: str = "I",
        *,
        in_full: bool | None = None,
        under_protest: bool = False,
    ) -> bool:
        command = ReceivePayment(
            source="erp",
            payment_id=payment_id,
            customer_id="C-1",
            received_on=self.now.date(),
            amount=eur(amount),
            allocations=(NamedInvoice(invoice_id, eur(amount), settles_in_full=in_full, under_protest=under_protest),),
        )
        return self._post(command, self.now.date())

    def take_off(self, payment_id: str = "P", invoice_id: str = "I") -> bool:
        """All that the invoice has of the payment is unapplied."""
        command = UnapplyReceipt(
            receipt=ReceiptName(kind="payment", source="erp", number=payment_id),
            application_id=f"off {payment_id} {invoice_id} {self.now}",
            unapplied_on=self.now.date(),
            currency="EUR",
            allocations=(TakenOff(invoice_id, None),),
        )
        return self._post(command, self.now.date())

    def apply(
        self, amount: int, payment_id: str = "P", invoice_id: str = "I", *, under_protest: bool | None = None
    ) -> bool:
        """So much of what is unapplied of the payment is applied."""
        command = ApplyReceipt(
            receipt=ReceiptName(kind="payment", source="erp", number=payment_id),
            application_id=f"on {payment_id} {invoice_id} {self.now}",
            applied_on=self.now.date(),
            allocations=(NamedInvoice(invoice_id, eur(amount)),),
            under_protest=under_protest,
        )
        return self._post(command, self.now.date())

    def reverse(self, number: str = "P", amount: int | None = None, *, kind: str = "payment") -> bool:
        """`amount` None: all of it. `kind` is payment or credit_memo."""
        day = self.now.date()
        back = ReverseReceipt(
            receipt=ReceiptName(kind=kind, source="erp", number=number),
            reversal_id=f"back {number} {amount} {day}",
            reversed_on=day,
            amount=None if amount is None else eur(amount),
        )
        return self._post(back, day)

    def reverse_credit(self, memo: str = "CM", amount: int | None = None) -> bool:
        day = self.now.date()
        back = ReverseReceipt(
            receipt=ReceiptName(kind="credit_memo", source="erp", number=memo),
            reversal_id=f"back {memo} {amount} {self.now}",
            reversed_on=day,
            amount=None if amount is None else eur(amount),
        )
        return self._post(back, day)

    def refund(self, amount: int, memo: str = "CM", *, dispute: str | None = None) -> bool:
        """What no invoice has of a credit memo is paid out."""
        command = RefundReceipt(
            receipt=ReceiptName(kind="credit_memo", source="erp", number=memo),
            refund_id=f"R {memo} {amount}",
            refunded_on=self.now.date(),
            amount=eur(amount),
            dispute_id=None if dispute is None else self.dispute_id(dispute),
        )
        return self._post(command, self.now.date())

    def write_off(self, amount: int, name: str = "W", invoice_id: str = "I", *, kind: str = "bad_debt") -> bool:
        command = PostWriteOff(
            source="erp",
            write_off_id=name,
            invoice_id=invoice_id,
            posted_on=self.now.date(),
            amount=eur(amount),
            kind=kind,
        )
        return self._post(command, self.now.date())

    def take_write_off_back(self, name: str = "W", amount: int | None = None, invoice_id: str = "I") -> bool:
        command = ReverseWriteOff(
            source="erp",
            write_off_id=name,
            invoice_id=invoice_id,
            reversal_id=f"back {name} {self.now}",
            reversed_on=self.now.date(),
            amount=None if amount is None else eur(amount),
        )
        return self._post(command, self.now.date())

    def credit_on_account(self, amount: int, memo: str = "CM", *, dispute: str | None = None) -> bool:
        command = PostCreditMemo(
            source="erp",
            credit_memo_id=memo,
            legal_entity="DE01",
            customer_id="C-1",
            issued_on=self.now.date(),
            total=eur(amount),
            dispute_id=None if dispute is None else self.dispute_id(dispute),
        )
        return self._post(command, self.now.date())

    def credit(self, amount: int, memo: str = "CM", invoice_id: str = "I", *, dispute: str | None = None) -> bool:
        """`dispute` is the test's name of the dispute that the credit memo names, or else an id."""
        named = dispute and (self.dispute_id(dispute) if dispute in self.opened else dispute)
        command = PostCreditMemo(
            source="erp",
            credit_memo_id=memo,
            legal_entity="DE01",
            customer_id="C-1",
            issued_on=self.now.date(),
            total=eur(amount),
            allocations=(NamedInvoice(invoice_id, eur(amount), named),),
        )
        return self._post(command, self.now.date())

    def _post(self, command: LedgerCommand, day: date) -> bool:
        self._tick()
        policies: Any = _BuiltInPolicies()
        try:
            self.ledger.do(
                lambda uow: post(uow, Posting(command=command), policies),
                self.now,
                datetime.combine(day, time(), UTC),
            )
        except (OpenItemRefusal, ReceiptRefusal):
            return False
        if isinstance(command, RegisterInvoice) and command.invoice_id not in self.invoices:
            self.invoices.append(command.invoice_id)
        return True

    # -- people

    def dispute(
        self, name: str, amount: int, invoice_id: str = "I", *, line: str | None = None, customer: str = "C-1",
        currency: str = "EUR",
    ) -> bool:  # fmt: skip
        dispute = derived_uuid("side-by-side", name)
        terms = self.disputable(invoice_id).terms
        item = c.ContestedItem(
            invoice_id=invoice_id,
            line=line,
            amount=Money(amount, currency),
            known=terms is not None,
            paid=terms is not None and terms.is_paid,
        )
        self.opened[name] = dispute
        taken = self.command(
            name,
            lambda at: c.Open(
                at=at, customer_id=customer, items=(item,), reason_code="PRICE", origin="email", legal_entity="DE01"
            ),
        )
        if not taken:
            del self.opened[name]
        return taken

    def resolve(self, name: str, code: str, credited: int | None = None) -> bool:
        return self.command(
            name,
            lambda at: c.Resolve(at=at, resolution_code=code, credited=None if credited is None else eur(credited)),
        )

    def withdraw(self, name: str) -> bool:
        return self.command(name, lambda at: c.Withdraw(at=at, reason="found it"))

    def reopen(self, name: str) -> bool:
        return self.command(name, lambda at: c.Reopen(at=at, reason="new evidence"))

    def settle(self, name: str, into: str = "rejected") -> bool:
        return self.command(name, lambda at: c.Settle(at=at, into=into, reason="nothing more comes"))

    def command(self, name: str, build: Callable[[datetime], c.DisputeCommand]) -> bool:
        self._tick()
        command = build(self.now)
        try:
            self.disputes.do(lambda uow: handle(uow, self.opened[name], command, self.now), self.now, self.now)
        except (DisputeRefusal, InvoiceRefusal):
            return False
        return True

    # -- the way between them

    def hear_one(self, side: str, stream: UUID) -> None:
        """The next event of this stream reaches the other service."""
        self._tick()
        source, target, react = (
            (self.ledger, self.disputes, postings.react)
            if side == "ledger"
            else (self.disputes, self.ledger, dispute_holds.react)
        )
        event = source.unheard[stream].pop(0)
        if not source.unheard[stream]:
            del source.unheard[stream]
        target.do(lambda uow: react(uow, event), self.now, event.effective_at)

    def waiting(self) -> list[tuple[str, UUID]]:
        return [("ledger", stream) for stream in self.ledger.unheard] + [
            ("disputes", stream) for stream in self.disputes.unheard
        ]

    def come_to_rest(self) -> None:
        """Everything is heard; it must end."""
        for _ in range(10_000):
            waiting = self.waiting()
            if not waiting:
                return
            self.hear_one(*waiting[0])
        raise AssertionError("the services never stop answering each other")

    # -- what they say

    def dispute_id(self, name: str) -> str:
        return public_id("dsp", self.opened[name])

    def of(self, name: str) -> Dispute:
        state = self.state_of(name)
        assert isinstance(state, Dispute)
        return state

    def state_of(self, name: str) -> State:
        return self.disputes.state(self.opened[name], DISPUTE.initial)

    def item(self, invoice_id: str = "I") -> OpenItem:
        return self.ledger.state(ledger_stream(TENANT, invoice_id), LEDGER_INVOICE.initial)

    def disputable(self, invoice_id: str = "I") -> DisputableInvoice:
        return self.disputes.state(disputable_stream(TENANT, invoice_id), DISPUTABLE_INVOICE.initial)

    def held(self, invoice_id: str = "I") -> dict[str, int]:
        """What both services say each dispute holds, by the test's name of it, or by its id; nothing is left out."""
        item, disputable = self.item(invoice_id), self.disputable(invoice_id)
        names = {public_id("dsp", stream): name for name, stream in self.opened.items()}
        reserved = {public_id("dsp", UUID(one.dispute_id)): one.amount for one in disputable.reservations}
        claims = {claim.dispute_id: claim for claim in item.claims}
        for dispute_id in reserved | claims:
            is_reserved, claim = reserved.get(dispute_id, 0), claims.get(dispute_id)
            claimed, held = (claim.claimed_now, claim.held_now) if claim else (0, 0)
            said = f"{names.get(dispute_id, dispute_id)}: {is_reserved} reserved, {claimed} claimed, {held} held"
            assert claimed == is_reserved, said
            assert held == (is_reserved if item.terms else 0), said
        return {names.get(dispute_id, dispute_id): amount for dispute_id, amount in reserved.items()}

    def all_disputes(self) -> dict[str, Dispute]:
        """By id, also those that nobody but the ledger opened."""
        return {public_id("dsp", stream): state for stream, state in self.disputes.all_of(Dispute)}

    def collectable(self, invoice_id: str = "I") -> int:
        return self.item(invoice_id).undisputed_minor

    def tasks(self, invoice_id: str = "I") -> list[int]:
        """The amounts of the live recovery tasks, in the order in which they were opened."""
        return [task.minor for task in self.item(invoice_id).tasks if task.is_live]

    def _tick(self) -> None:
        self.now += timedelta(minutes=7)


def _stored(write: StreamWrite, new: NewEvent, version: int, now: datetime) -> RecordedEvent:
    return RecordedEvent(
        tenant_id=TENANT,
        stream_id=write.stream_id,
        stream_type=write.stream_type,
        version=version,
        event_id=new.event_id,
        type=new.type,
        schema_version=new.schema_version,
        payload=new.payload,
        meta=new.meta,
        effective_at=new.effective_at,
        recorded_at=now,
        prev_hash=b"",
        hash=b"",
    )


def _lines(lines: Mapping[str, int] | None) -> tuple[Line, ...]:
    return tuple(Line(line=name, amount=eur(amount)) for name, amount in (lines or {}).items())
