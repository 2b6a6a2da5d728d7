"""The walk itself: an operation is done to both services and to the model, and every promise is looked at."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from support.side_by_side import TENANT

from collections_service.open_items import events as ledger
from collections_service.open_items.state import OpenItem, amount_on
from collections_service.open_items.stream import INVOICE
from collections_service.postings.commands import LedgerCommand
from collections_service.receipts.commands import ReceiptName
from collections_service.receipts.state import Receipt
from collections_service.receipts.stream import RECEIPT, credit_memo_stream, receipt_stream
from dispute_service.disputable_invoices.stream import INVOICE as DISPUTABLE_INVOICE
from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.document import PREFIX
from dispute_service.disputes.state import ENDED, Dispute, Status
from dispute_service.disputes.stream import DISPUTE
from redress.contracts.envelope import PublishedEvent
from redress.decider import Decider
from redress.eventlog.events import RecordedEvent
from redress.ids import parse_public_id, public_id
from walk import contests, identity
from walk.books import Books, Refused
from walk.contests import Hold
from walk.cores import Cores
from walk.expected import BACK, SHAPES, Posting, decode, expect
from walk.identity import called, called_in_receipt, where
from walk.operations import AllIsHeard, Asked, DaysPass, Heard, HeardTogether, OnTask, Operation
from walk.parts import granted, held, held_contested, held_credit, posted_paid
from walk.past import Past
from walk.promises import Broken, Promise, holds

_DECIDERS: dict[str, Decider[Any, Any]] = {d.stream_type: d for d in (INVOICE, RECEIPT, DISPUTE, DISPUTABLE_INVOICE)}


class Walk:
    def __init__(self) -> None:
        self.cores = Cores()
        self.books = Books()
        self.past = Past(self.cores.ledger.log, self.cores.stream)
        self.disputes: list[UUID] = []  # in the order in which they were opened
        self.done = 0
        self.taken: dict[str, int] = defaultdict(int)  # operations by kind, those that were not refused
        self.refused: dict[str, int] = defaultdict(int)
        self._contesting: dict[str, list[UUID]] = defaultdict(list)
        self._first: dict[str, str] = {}  # the legal entity that had each number first
        self._replayed: dict[UUID, Any] = {}
        self._seen = {"ledger": 0, "disputes": 0}
        self._touched: dict[str, None] = {}  # invoices, since all was heard last
        self._touched_disputes: dict[UUID, None] = {}
        self._judged: set[UUID] = set()  # disputes that a person has decided, resolved or reopened
        self._took: dict[tuple[str, str, UUID], int] = defaultdict(int)

    # -- how things stand

    def dispute(self, key: UUID) -> Dispute:
        state = self.cores.disputes.state(key, DISPUTE.initial)
        assert isinstance(state, Dispute)
        return state

    def holders(self, invoice_id: str) -> list[tuple[UUID, int]]:
        return [(key, hold.amount) for key, hold in self._holds(invoice_id).items()]

    def free(self, invoice_id: str) -> int:
        terms = self.cores.disputable(invoice_id).terms
        return (terms.open if terms else 1_000) - sum(amount for _, amount in self.holders(invoice_id))

    def _holds(self, invoice_id: str) -> dict[UUID, Hold]:
        """By dispute-service's disputes themselves."""
        found = {}
        for key in self._contesting[invoice_id]:
            state = self.dispute(key)
            here = [item for item in state.items if where(item) == invoice_id and item.mismatch is None]
            found[key] = Hold(
                state.opened_at,
                contested=sum(held_contested(item) for item in here),
                credit=sum(held_credit(item) for item in here),
                write_off=sum(item.awaiting_write_off for item in here),
                payment=sum(item.awaiting_payment for item in here),
            )
        return {key: hold for key, hold in found.items() if hold.amount}

    # -- an operation

    def do(self, operation: Operation) -> None:
        """AssertionError (Broken) where a promise is not kept."""
        self.done += 1
        self.cores._tick()
        match operation:
            case DaysPass(days=days):
                self.cores.now += timedelta(days=days)
                was_taken = True
            case Heard():
                was_taken = self._hear(operation)
            case HeardTogether():
                was_taken = self._hear_together(operation)
            case AllIsHeard():
                was_taken = self._all_is_heard(Random(operation.seed))
            case Asked():
                was_taken = self._ask(operation)
            case OnTask():
                was_taken = self.cores.on_task(operation)
                self._look_at_what_is_new()
            case _:
                was_taken = self._post(operation)
        (self.taken if was_taken else self.refused)[_kind(operation)] += 1

    def _post(self, message: LedgerCommand) -> bool:
        taken = self.cores.erp(message)
        try:
            self.books.hear(message)
            expected = True
        except Refused:
            expected = False
        holds(Promise.REFUSED, taken == expected, f"{'taken' if taken else 'refused'}: {message}")
        new = self._look_at_what_is_new()
        holds(Promise.REFUSED, taken or not new, f"refused and recorded: {message}")
        self._books_agree(new)
        return taken

    def _ask(self, asked: Asked) -> bool:
        before = {key: self.dispute(key) for key in self.disputes[-60:]}
        at = self.cores.now - timedelta(days=asked.days_ago)
        command = replace(asked.command, at=at)
        if isinstance(command, c.Open):
            taken = self.cores.open(asked.dispute, command)
        else:
            taken = self.cores.person(asked.dispute, command)
        new = self._look_at_what_is_new()
        holds(Promise.PERSON, taken or not new, f"refused and recorded: {asked}")
        for key, state in before.items():
            holds(Promise.PERSON, key == asked.dispute or self.dispute(key) is state, f"{key} moved with {asked}")
        return taken

    def _hear(self, heard: Heard) -> bool:
        side = self.cores.ledger if heard.side == "ledger" else self.cores.disputes
        if heard.stream not in side.unheard:
            return False
        self._hear_one(heard.side, heard.stream, again=heard.again)
        return True

    def _hear_one(self, side: str, stream: UUID, *, again: bool = False) -> None:
        service = self.cores.ledger if side == "ledger" else self.cores.disputes
        event = service.unheard[stream][0]
        with _never_refused(event):
            if side == "ledger":
                self._hear_of_the_ledger(stream, event)
            else:
                self.cores.hear_one(side, stream)
                self._look_at_what_is_new()
            if again:
                service.unheard.setdefault(stream, []).insert(0, event)
                self.cores.hear_one(side, stream)
                new = self._look_at_what_is_new()
                holds(Promise.ONCE, not new, f"{event.type} heard twice recorded {[each.type for each in new]}")

    def _hear_together(self, heard: HeardTogether) -> bool:
        """Some events in one unit of work, as a follower takes a batch."""
        random, side = Random(heard.seed), heard.side
        service = self.cores.ledger if side == "ledger" else self.cores.disputes
        events: list[PublishedEvent] = []
        for _ in range(random.randint(2, 8)):
            if service.unheard:
                stream = random.choice(list(service.unheard))
                events.append(service.unheard[stream].pop(0))
                if not service.unheard[stream]:
                    del service.unheard[stream]
        if not events:
            return False
        with _never_refused(events[0]):
            self.cores.hear_together(side, events)
            self._look_at_what_is_new()
        return True

    # -- a posting reaches dispute-service

    def _hear_of_the_ledger(self, stream: UUID, event: PublishedEvent) -> None:
        posting = decode(event.data)
        invoice_id = posting.of
        if invoice_id is None:
            self.cores.hear_one("ledger", stream)
            self._look_at_what_is_new()
            return
        terms = self.cores.disputable(invoice_id).terms
        before, paid = self._holds(invoice_id), self._settled_by_postings(invoice_id)
        self.cores.hear_one("ledger", stream)
        new = self._look_at_what_is_new()
        after = self._holds(invoice_id)
        told = f"{event.type} {posting} of {invoice_id}\n  before {before}\n  after  {after}"
        holds(Promise.HELD_FITS, sum(hold.amount for hold in after.values()) <= posting.is_open, told)
        if event.type in BACK:
            self._gave_back(event.type, posting, invoice_id, before, paid, told)
        opened = [each for each in new if each.stream_type == DISPUTE.stream_type and each.version == 1]
        found = [each for each in new if each.type == "items-compared"]
        if not opened and not found and (posting.has_no_lines or event.type not in SHAPES):
            expect(event.type, posting, terms.total if terms else 0, before, after, told)

    def _settled_by_postings(self, invoice_id: str) -> dict[UUID, dict[str, int]]:
        """What payments, credit memos and write-offs have taken from each dispute."""
        found = {}
        for key in self._contesting[invoice_id]:
            here = [item for item in self.dispute(key).items if where(item) == invoice_id]
            found[key] = {
                "payment": sum(posted_paid(item) for item in here),
                "credit": sum(item.credited for item in here),
                "write": sum(item.posted_off for item in here),
            }
        return found

    def _gave_back(  # noqa: PLR0917
        self, kind: str, posting: Posting, invoice_id: str, before: contests.Holds,
        settled: dict[UUID, dict[str, int]], told: str,
    ) -> None:  # fmt: skip
        bucket, _ = kind.split("-", 1)
        total = 0
        for key, now in self._settled_by_postings(invoice_id).items():
            back = settled.get(key, {}).get(bucket, 0) - now[bucket]
            holds(Promise.GIVES_BACK, back >= 0, f"{key} gets {back}: {told}")
            total += back
        holds(Promise.GIVES_BACK, total <= posting.minor, f"{total} of {posting.minor}: {told}")
        # On a line that has become too small, what came back and what was granted do not fit; which goes is not said.
        if bucket != "credit" and posting.has_no_lines:
            for key, hold in self._holds(invoice_id).items():
                was = before.get(key)
                holds(Promise.GRANTED_STAYS, was is None or was.granted <= hold.granted, told)

    # -- all is heard

    def _all_is_heard(self, random: Random) -> bool:
        for _ in range(10_000):
            waiting = self.cores.waiting()
            if not waiting:
                break
            self._hear_one(*random.choice(waiting))
        else:
            raise Broken(Promise.FACTS, "the services never stop answering each other")
        for invoice_id in self._touched:
            self._invoice_at_rest(invoice_id)
        for key in self._touched_disputes:
            self._dispute_at_rest(key)
        came, there = self.books.came(), self._balances()
        holds(Promise.CONSERVED, came == there, f"{dict(came)}, there is {dict(there)}")
        self.past.ask(list(self._touched), self.cores.now, random)
        self._touched.clear()
        self._touched_disputes.clear()
        return True

    def _balances(self) -> dict[str, int]:
        """By currency, as the ledger says: what is open less what is unapplied."""
        there: dict[str, int] = defaultdict(int)
        for _, item in self.cores.ledger.all_of(OpenItem):
            if item.terms is not None:
                there[item.terms.total.currency] += item.open_minor
        for _, receipt in self.cores.ledger.all_of(Receipt):
            if receipt.recorded is not None:
                there[receipt.recorded.amount.currency] -= receipt.recorded.unapplied.minor
        return there

    def _invoice_at_rest(self, invoice_id: str) -> None:
        item = self.cores.item(invoice_id)
        if identity.SHARED and item.terms is None:
            return  # what is said of an invoice that is not posted yet waits where its number is
        expected = {public_id(PREFIX, key): hold.amount for key, hold in self._holds(invoice_id).items()}
        try:
            said = self.cores.held(invoice_id)
        except AssertionError as error:
            raise Broken(Promise.ONE_HOLDER, f"{invoice_id}: {error}") from None
        holds(Promise.ONE_HOLDER, said == expected, f"{invoice_id}: {said}, the disputes {expected}")
        if item.terms is None:
            return
        holds(Promise.ONE_HOLDER, item.held_minor == sum(said.values()), f"{invoice_id}: {item.held_minor}, {said}")
        waits = sum(hold.granted for hold in self._holds(invoice_id).values())
        holds(Promise.GRANT_FITS, waits <= item.open_minor, f"{invoice_id}: {waits} of {item.open_minor}")
        for task in item.tasks:
            if task.is_live:
                state = self.dispute(parse_public_id(PREFIX, task.dispute_id))
                rejected = sum(i.rejected for i in state.items if where(i) == invoice_id and i.mismatch is None)
                holds(Promise.ASKED, 0 < task.minor <= rejected, f"{task} of {rejected} in {invoice_id}")
        for key in self._contesting[invoice_id]:
            here = [i for i in self.dispute(key).items if where(i) == invoice_id and i.mismatch is None]
            stated = sum(i.written_off - i.posted_off + i.stated_paid for i in here)
            holds(Promise.SETTLED, not stated, f"{stated} of {key} is stated and free on {invoice_id}")

    def _dispute_at_rest(self, key: UUID) -> None:
        state = self.dispute(key)
        told = f"{key} is {state.status}: {state.items}"
        if state.status is Status.SETTLING:
            holds(Promise.STATES, state.contested == 0 < state.open, told)
        elif state.status in ENDED:
            holds(Promise.STATES, state.open == 0, told)
        else:
            holds(Promise.STATES, state.contested > 0, told)
        self._lives_of_its_payment(key, state)

    def _lives_of_its_payment(self, key: UUID, state: Dispute) -> None:
        made = state.short_payment
        if made is None or not state.is_active or key in self._judged:
            return
        name = ReceiptName(kind="payment", source=made.source, number=made.payment_id)
        there = self.books.on_invoices(name)[where(state.items[0])]
        holds(Promise.BOUNCED, there > 0, f"{key} of {made}: {state}")

    # -- what was recorded

    def _look_at_what_is_new(self) -> list[RecordedEvent]:
        new: list[RecordedEvent] = []
        for name, side in (("ledger", self.cores.ledger), ("disputes", self.cores.disputes)):
            recorded = side.log[self._seen[name] :]
            self._seen[name] = len(side.log)
            for event in recorded:
                self._replay(event)
            for stream in {event.stream_id for event in recorded}:
                holds(Promise.REPLAY, side.state(stream, None) == self._replayed[stream], stream)
            new += recorded
        return new

    def _replay(self, event: RecordedEvent) -> None:
        decider = _DECIDERS.get(event.stream_type)
        if decider is None:
            return
        fact = decider.codec.decode(event.type, event.schema_version, event.payload)
        before = self._replayed.get(event.stream_id, decider.initial)
        after = self._replayed[event.stream_id] = decider.evolve(before, fact)
        if isinstance(after, OpenItem):
            self._invoice_moved(fact, after)
        elif isinstance(after, Dispute):
            self._dispute_moved(event, fact, before, after)

    def _invoice_moved(self, fact: ledger.OpenItemEvent, item: OpenItem) -> None:
        told = f"{fact} → {item.held_minor} held of {item.open_minor}"
        holds(Promise.HELD_FITS, 0 <= item.held_minor <= item.open_minor, told)
        holds(Promise.HELD_FITS, all(claim.held_now >= 0 for claim in item.claims), told)
        if item.terms is None:
            return
        invoice_id = called(item.terms.invoice_id, item.terms.legal_entity)
        self._touched[invoice_id] = None
        self._first.setdefault(item.terms.invoice_id, item.terms.legal_entity)
        match fact:
            case ledger.DiscountGranted(applied_on=on, amount=amount):
                self.books.discounted(invoice_id, on, amount.minor)
                self._discount_is_earned(item)
            case ledger.DiscountWithdrawn(effective_on=on, amount=amount):
                self.books.discounted(invoice_id, on, -amount.minor)
            case ledger.RecoveryTaskOpened() | ledger.RecoveryTaskResized():
                self._tasks_fit(fact, item)
            case _:
                pass

    def _tasks_fit(self, fact: ledger.RecoveryTaskOpened | ledger.RecoveryTaskResized, item: OpenItem) -> None:
        asked = sum(task.minor for task in item.tasks if task.is_live)
        holds(Promise.TASKS_FIT, asked <= item.undisputed_minor, f"{fact}: {asked} of {item.undisputed_minor}")

    def _discount_is_earned(self, item: OpenItem) -> None:
        assert item.terms is not None
        agreed = item.terms.discount
        holds(Promise.DISCOUNT, agreed is not None, item.terms)
        if agreed is not None:
            last = item.terms.issued_on + timedelta(days=agreed.days)
            most = -(-item.terms.total.minor * agreed.percent // 100)
            in_time = any(each.received_on <= last and each.left for each in item.applications)
            holds(Promise.DISCOUNT, in_time and item.discount_minor <= most, f"{item.discount_minor} of {most}: {item}")

    def _dispute_moved(self, event: RecordedEvent, fact: e.DisputeEvent, before: object, after: Dispute) -> None:
        self._touched_disputes[event.stream_id] = None
        if not isinstance(before, Dispute):
            self.disputes.append(event.stream_id)
            for invoice_id in dict.fromkeys(where(item) for item in after.items):
                self._contesting[invoice_id].append(event.stream_id)
                self._touched[invoice_id] = None
            return
        told = f"{fact}\n  before {before.items}\n  after  {after.items}"
        for was, item in zip(before.items, after.items, strict=True):
            settled = item.paid + item.credited + item.reduced + item.written_off
            given_up = item.rejected + item.withdrawn
            holds(Promise.ITEM_CONSERVED, item.disputed == item.open + settled + given_up, told)
            parts = (item.open, item.paid, item.credited, item.reduced, item.written_off, item.rejected, item.withdrawn)
            holds(Promise.ITEM_CONSERVED, min(parts) >= 0 and 0 <= item.claimed_back <= item.open, told)
            waits = (item.awaiting_credit, item.awaiting_write_off, item.awaiting_payment)
            holds(Promise.ITEM_CONSERVED, min(waits) >= 0 and sum(waits) <= item.open, told)
            holds(Promise.ITEM_CONSERVED, sum(waits[1:]) <= held(item), told)
            holds(Promise.ITEM_CONSERVED, 0 <= item.valid + item.invalid <= item.contested, told)
            self._touched[where(item)] = None
            change = granted(item) - granted(was)
            may_shrink = type(fact).__name__ in _UNGRANT and not getattr(fact, "by_ledger", False)
            may_grow = type(fact).__name__ in _GRANT
            holds(Promise.GRANTED_STAYS, not change or (may_shrink if change < 0 else may_grow), told)
        self._taken_and_given_back(event.stream_id, fact, after, told)
        if isinstance(fact, e.DisputeResolved) and fact.resolution_code == "PAYMENT_RETURNED":
            holds(Promise.BOUNCED, event.stream_id not in self._judged, f"a person has judged it: {told}")
        if type(fact).__name__ in _JUDGE and not getattr(fact, "by_ledger", False):
            self._judged.add(event.stream_id)

    def _taken_and_given_back(self, key: UUID, fact: e.DisputeEvent, after: Dispute, told: str) -> None:
        """A posting gives back to a dispute what it had taken of it on that invoice, and no more."""
        match fact:
            case e.AmountReduced(cause="payment" | "credit-memo" | "write-off", into=None):
                name, sign = f"{fact.cause} {fact.source}/{fact.reference}", 1
            case e.PaymentReversed():
                name, sign = f"payment {fact.source}/{fact.payment_id}", -1
            case e.WriteOffReversed():
                name, sign = f"write-off {fact.source}/{fact.write_off_id}", -1
            case e.CreditReversed():
                name, sign = f"credit-memo {fact.source}/{fact.credit_memo_id}", -1
            case _:
                return
        for share in fact.shares:
            place = where(after.items[share.item]), name, key
            self._took[place] += sign * share.amount
            holds(Promise.GIVES_BACK, self._took[place] >= 0, f"{-self._took[place]} more than it took: {told}")

    # -- the books

    def _books_agree(self, new: Sequence[RecordedEvent]) -> None:
        for invoice_id in self._invoices_of(new):
            item, bill = self.cores.item(invoice_id), self.books.bills[invoice_id]
            said = {step.on: step.minor for step in item.movements if step.minor}
            holds(Promise.BOOKS, said == bill.open.changes(), f"{invoice_id}: {said}, expected {bill.open.changes()}")
            for day in _days_of(item):
                held = [amount_on(claim.held, day) for claim in item.claims]
                is_open = amount_on(item.movements, day)
                told = f"{invoice_id} on {day}: {held} of {is_open}"
                holds(Promise.HELD_FITS, min(held, default=0) >= 0 and sum(held) <= is_open, told)
        for name, cash in list(self.books.receipts.items())[-60:]:
            stream = receipt_stream if name.kind == "payment" else credit_memo_stream
            receipt = self.cores.ledger.state(stream(TENANT, name.source, name.number), RECEIPT.initial).recorded
            holds(Promise.BOOKS, receipt is not None, name)
            if receipt is not None:
                said = {step.on: step.minor for step in receipt.cash if step.minor}
                holds(Promise.BOOKS, said == cash.unapplied.changes(), f"{name}: {said}, {cash.unapplied.changes()}")
                there = {i: minor for i, minor in self.books.on_invoices(name).items() if minor}
                had = {called_in_receipt(key, self._first): minor for key, minor in receipt.by_invoice.items()}
                holds(Promise.BOOKS, had == there, f"{name}: {receipt.by_invoice}, {there}")
                holds(
                    Promise.BOOKS, (receipt.customer_id, receipt.returned.minor) == (cash.customer, cash.returned), name
                )

    def _invoices_of(self, new: Sequence[RecordedEvent]) -> Iterator[str]:
        for stream in {event.stream_id for event in new if event.stream_type == INVOICE.stream_type}:
            terms = self.cores.ledger.state(stream, INVOICE.initial).terms
            if terms is not None:
                yield called(terms.invoice_id, terms.legal_entity)


_JUDGE = {"DisputeDecided", "DisputeResolved", "DisputeReopened"}
_GRANT = {"DisputeResolved", "CreditReversed", "PaymentReversed", "WriteOffReversed", "AnswerReversed"}
_UNGRANT = {"AmountReduced", "DisputeReopened", "SettlementGivenUp"}


def _days_of(item: OpenItem) -> set[date]:
    steps = [*item.movements, *(step for claim in item.claims for step in claim.held)]
    return {step.on for step in steps}


@contextmanager
def _never_refused(event: PublishedEvent) -> Iterator[None]:
    try:
        yield
    except Broken:
        raise
    except Exception as error:
        raise Broken(Promise.FACTS, f"{event.type}: {type(error).__name__}: {error}") from error


def _kind(operation: Operation) -> str:
    if isinstance(operation, Asked | OnTask):
        return type(operation.command).__name__
    return type(operation).__name__
