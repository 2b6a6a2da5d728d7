"""Companies at work: their ERPs post, their people dispute, and everybody repeats what was not answered."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any

from faults.client import Client, GaveUpError, a_dispute, a_payment, an_invoice

CUSTOMERS = 40
# What payers say about what is missing: of the whole payment, and of the invoice. Half of it makes deductions.
_WORDS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"remittance_reason": "price"}, {}),
    ({"remittance_reason": "freight"}, {"claim_number": "CL-1"}),
    ({"claim_number": "CL-2"}, {}),
    ({}, {"settles_in_full": True}),
    ({}, {}),
    ({}, {"settles_in_full": False}),
    ({"remittance_reason": "2. Rate"}, {}),
    ({}, {"withheld_tax": "1.00"}),
)
_TWINS = 0.08  # of the invoices: another legal entity uses their number too
_SETTLED = ("WRITE_OFF_SMALL", "WRITE_OFF_BAD_DEBT", "CUSTOMER_PAID", "OFFSET", "CASH_REAPPLIED")
_KNOWN = 2_000  # invoices that a company remembers; older ones are left alone


@dataclass
class Company:
    """One tenant. `pace` bounds nothing but the size of a batch."""

    client: Client
    chance: random.Random
    batch: int
    stop: asyncio.Event
    go: asyncio.Event  # while it is not set, the ERP waits: the others have too much to take in
    invoices: dict[str, int] = field(default_factory=dict)  # open amount as the ERP sees it, in cents
    customer_of: dict[str, int] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)  # invoice numbers that both legal entities use
    # Invoice, its legal entity and customer, the amount granted, and the dispute: to be posted.
    credits: list[tuple[str, str, int, int, str]] = field(default_factory=list)
    # Write_off or payment, the invoice, its legal entity and customer, the amount: to be posted.
    awaited: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    items: int = 0
    disputes: int = 0
    gave_up: int = 0
    _last: list[dict[str, Any]] = field(default_factory=list)

    async def post(self) -> None:
        """The ERP: invoices, payments full, short and too early, credit memos, what is done with them later, and
        repetitions."""
        number = 0
        while not self.stop.is_set():
            await self.go.wait()
            batch: list[dict[str, Any]] = []
            held_back: list[dict[str, Any]] = []
            while len(batch) < self.batch:
                number += 1
                twins = self.chance.random() < _TWINS
                batch += self._twins(number) if twins else self._story(number, held_back)
                batch += self._awaited(number)
            if self._last and self.chance.random() < 0.1:
                batch += self._last[:20]  # sent again under another key
            self.chance.shuffle(batch)
            with contextlib.suppress(GaveUpError):
                results = await self.client.erp(*batch)
                for result in results:
                    self.refused[result] = self.refused.get(result, 0) + 1
                self.items += len(batch)
                self._last = batch
            if held_back:
                with contextlib.suppress(GaveUpError):
                    await self.client.erp(*held_back)
                    self.items += len(held_back)

    def _story(self, number: int, held_back: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """An invoice and what becomes of it. Some of it is held back: it comes after the rest."""
        chance, tenant = self.chance, self.client.tenant
        invoice, total = f"I-{number}", chance.randrange(1_000, 500_000)
        customer = chance.randrange(1, CUSTOMERS + 1)
        discount = (total * 2 + 50) // 100 if chance.random() < 0.1 else 0
        terms = {"discount_percent": "2", "discount_days": 45} if discount else {}
        story = [an_invoice(tenant, invoice, _text(total), customer=customer, **terms)]
        left = total
        if discount or chance.random() < 0.6:
            paid = total if chance.random() < 0.7 else max(100, total - chance.randrange(1, total))
            left = total - paid
            if discount:
                paid, left = total - discount, 0
            words, about_it = chance.choice(_WORDS) if left else ({}, {})
            payment = a_payment(f"P-{number}", {invoice: _text(paid)}, _text(paid), customer=customer, **words)
            payment["allocations"][0].update(about_it)
            payment["under_protest"] = chance.random() < 0.1
            story.append(payment)
            if chance.random() < 0.05:
                held_back.append(_reversal(f"P-{number}"))
                left = total
            elif chance.random() < 0.1:
                held_back += self._later(number, invoice, paid, customer)
        if chance.random() < 0.05:
            held_back.append(story.pop(0))  # the payment comes before its invoice
        elif left == total and chance.random() < 0.03:
            held_back.append(_cancelled(invoice))
        elif left > 100:
            held_back += self._afterwards(number, invoice, left, customer)
        if left > 100 and not held_back:
            self.invoices[invoice] = left
            self.customer_of[invoice] = customer
            while len(self.invoices) > _KNOWN:
                gone = next(iter(self.invoices))
                del self.invoices[gone], self.customer_of[gone]
        if self.credits and chance.random() < 0.5:
            credited, entity, of, amount, dispute = self.credits.pop()
            named = dispute if chance.random() < 0.5 else None
            memo = _credit_memo(f"CM-{number}", credited, _text(amount), of, named)
            story.append(memo | {"legal_entity": entity})
            if chance.random() < 0.1:  # cancelled, and posted anew under another number
                held_back.append(_credit_memo_reversed(f"CM-{number}"))
                self.credits.insert(0, (credited, entity, of, amount, dispute))
        return story

    def _twins(self, number: int) -> list[dict[str, Any]]:
        """Two legal entities post one number, in any order, and one transfer pays a part of both."""
        invoice, total = f"I-{number}", self.chance.randrange(10_000, 500_000)
        customer = self.chance.randrange(1, CUSTOMERS + 1)
        self.shared.add(invoice)
        self.invoices[invoice], self.customer_of[invoice] = total - 200, customer
        twin = an_invoice(self.client.tenant, invoice, _text(total), customer=customer, legal_entity="DE02")
        paid = a_payment(f"P-{number}", {}, "3.00", customer=customer, legal_entity="DE02")
        paid["allocations"] = [
            {"invoice_id": invoice, "amount": "1.00", "legal_entity": "DE01"},
            {"invoice_id": invoice, "amount": "2.00"},
        ]
        return [
            an_invoice(self.client.tenant, invoice, _text(total), customer=customer),
            twin | {"source_event_id": f"invoice DE02 {invoice}"},
            paid,
        ]

    def _afterwards(self, number: int, invoice: str, left: int, customer: int) -> list[dict[str, Any]]:
        """Nothing, a write-off, of which some are taken back, or another customer."""
        chance, what = self.chance, self.chance.random()
        if what < 0.05:
            name, amount = f"W-{number}", _text(chance.randrange(1, left))
            posted = _written_off(name, invoice, amount)
            return [posted, _write_off_reversed(name, invoice, amount)] if chance.random() < 0.3 else [posted]
        return [_moved(invoice, customer % CUSTOMERS + 1)] if what < 0.08 else []

    def _awaited(self, number: int) -> list[dict[str, Any]]:
        """What a dispute was resolved to, posted as that or as a credit memo; often later."""
        if not self.awaited or self.chance.random() < 0.5:
            return []
        kind, invoice, entity, customer, amount = self.awaited.pop()
        if self.chance.random() < 0.2:
            return [_credit_memo(f"CA-{number}", invoice, _text(amount), customer, None) | {"legal_entity": entity}]
        if kind == "write_off":
            return [_written_off(f"WA-{number}", invoice, _text(amount)) | {"legal_entity": entity}]
        paid = a_payment(f"PA-{number}", {invoice: _text(amount)}, _text(amount), customer=customer)
        return [paid | {"legal_entity": entity}]

    def _later(self, number: int, invoice: str, paid: int, customer: int) -> list[dict[str, Any]]:
        """What becomes of a payment after it came: a part of it comes back or is used otherwise, or more comes than was
        owed, which is applied to another invoice and refunded."""
        chance, payment, other = self.chance, f"P-{number}", f"{invoice}-more"
        part = _text(chance.randrange(1, paid))
        match chance.randrange(3):
            case 0:
                return [{**_reversal(payment), "amount": part, "currency": "EUR"}]
            case 1:
                return [
                    _taken_off(payment, invoice, part),
                    an_invoice(self.client.tenant, other, part, customer=customer),
                    _applied(payment, other, part),
                ]
            case _:
                more = f"{payment}-more"
                return [
                    an_invoice(self.client.tenant, other, "10.00", customer=customer),
                    a_payment(more, {}, "25.00", customer=customer),
                    _applied(more, other, "10.00"),
                    _refunded(more, "15.00"),
                ]

    async def dispute(self) -> None:
        """A person: opens disputes and works them to some end."""
        while not self.stop.is_set():
            if not self.invoices:
                await asyncio.sleep(0.2)
                continue
            with contextlib.suppress(GaveUpError):
                await self._one_dispute()

    async def _one_dispute(self) -> None:
        chance, client = self.chance, self.client
        invoice = chance.choice(list(self.invoices))
        amount = chance.randrange(1, max(2, self.invoices[invoice]))
        customer = self.customer_of[invoice]
        body = a_dispute(client.tenant, invoice, _text(amount), customer=customer)
        entity = "DE02" if invoice in self.shared and chance.random() < 0.4 else "DE01"
        if invoice in self.shared or chance.random() < 0.2:
            body["items"][0]["legal_entity"] = entity
        opened = await client.post("dispute", "/v1/disputes", body)
        if opened.status != 201:
            self.invoices.pop(invoice, None)  # nothing is left of it to contest
            return
        self.disputes += 1
        dispute, version = opened.json["dispute_id"], 1
        for action, command in self._plan(amount):
            answer = await client.command(dispute, action, command, version)
            if answer.status == 412:  # the ledger was quicker: look again
                found = await client.get("dispute", f"/v1/disputes/{dispute}")
                answer = await client.command(dispute, action, command, found["version"])
            if answer.status != 200:
                return
            version = answer.json["version"]
            if action == "resolve":
                payer = self.customer_of.get(invoice, customer)
                if granted := _awaiting("credit", answer.json):
                    self.credits.append((invoice, entity, payer, granted, dispute))
                    self.invoices.pop(invoice, None)
                for kind in ("write_off", "payment"):
                    if due := _awaiting(kind, answer.json):
                        self.awaited.append((kind, invoice, entity, payer, due))

    def _plan(self, amount: int) -> list[tuple[str, dict[str, Any]]]:
        chance = self.chance
        plan: list[tuple[str, dict[str, Any]]] = []
        if chance.random() < 0.7:
            plan.append(("assign", {}))
        if chance.random() < 0.1:
            return [*plan, ("withdraw", {"reason": "The customer found the delivery note."})]
        if chance.random() < 0.6:
            valid = chance.randrange(0, amount + 1)
            verdict = {
                "valid": {"amount": _text(valid), "currency": "EUR"},
                "invalid": {"amount": _text(amount - valid), "currency": "EUR"},
            }
            decision = {
                **(verdict if chance.random() < 0.5 else {"items": [{"item": 0, **verdict}]}),
                "root_cause": "PRICE_MAINTENANCE",
                "rationale": "The price list says so.",
            }
            code = "CREDIT_FULL" if valid == amount else "REJECTED_COLLECT" if valid == 0 else "CREDIT_PARTIAL"
            plan += [("decide", decision), ("resolve", {"resolution_code": code})]
        elif chance.random() < 0.3:
            plan.append(("resolve", {"resolution_code": chance.choice(_SETTLED)}))
            if chance.random() < 0.2:
                gone = {"remainder": chance.choice(("collect", "settled_elsewhere")), "reason": "Nothing more comes."}
                plan.append(("settle", gone))
        return plan


def _awaiting(kind: str, dispute: dict[str, Any]) -> int:
    return sum(_cents(item[f"awaiting_{kind}"]["amount"]) for item in dispute["items"])


def _reversal(payment: str) -> dict[str, Any]:
    return {
        "kind": "payment-reversed",
        "source": "erp",
        "source_event_id": f"reversal {payment}",
        "payment_id": payment,
        "reversed_on": "2026-11-12",
    }


def _about(kind: str, name: str, **fields: object) -> dict[str, Any]:
    return {"kind": kind, "source": "erp", "source_event_id": f"{kind} {name}", **fields}


def _credit_memo_reversed(memo: str) -> dict[str, Any]:
    return _about("credit-memo-reversed", memo, credit_memo_id=memo, reversed_on="2026-11-14")


def _cancelled(invoice: str) -> dict[str, Any]:
    return _about("invoice-cancelled", invoice, invoice_id=invoice, cancelled_on="2026-11-14")


def _moved(invoice: str, customer: int) -> dict[str, Any]:
    return _about(
        "invoice-customer-changed", invoice, invoice_id=invoice, customer={"id": f"C-{customer}"},
        changed_on="2026-11-13",
    )  # fmt: skip


def _written_off(name: str, invoice: str, amount: str) -> dict[str, Any]:
    return _about(
        "write-off-posted", name, write_off_id=name, invoice_id=invoice, posted_on="2026-11-14",
        write_off_kind="bad_debt", currency="EUR", amount=amount,
    )  # fmt: skip


def _write_off_reversed(name: str, invoice: str, amount: str) -> dict[str, Any]:
    return _about(
        "write-off-reversed", name, write_off_id=name, invoice_id=invoice, reversed_on="2026-11-15",
        currency="EUR", amount=amount,
    )  # fmt: skip


def _refunded(payment: str, amount: str) -> dict[str, Any]:
    return _about(
        "refund-posted", payment, refund_id=f"F-{payment}", payment_id=payment, refunded_on="2026-11-14",
        currency="EUR", amount=amount,
    )  # fmt: skip


def _applied(payment: str, invoice: str, amount: str) -> dict[str, Any]:
    return _about(
        "receipt-applied", payment, payment_id=payment, applied_on="2026-11-13", currency="EUR",
        allocations=[{"invoice_id": invoice, "amount": amount}],
    )  # fmt: skip


def _taken_off(payment: str, invoice: str, amount: str) -> dict[str, Any]:
    return _about(
        "receipt-unapplied", payment, payment_id=payment, unapplied_on="2026-11-12", currency="EUR",
        allocations=[{"invoice_id": invoice, "amount": amount}],
    )  # fmt: skip


def _credit_memo(memo: str, invoice: str, amount: str, customer: int, dispute: str | None) -> dict[str, Any]:
    return {
        "kind": "credit-memo-posted",
        "source": "erp",
        "source_event_id": f"memo {memo}",
        "legal_entity": "DE01",
        "credit_memo_id": memo,
        "customer_id": f"C-{customer}",
        "issued_on": "2026-11-13",
        "currency": "EUR",
        "applies_to": [{"invoice_id": invoice, "amount": amount} | ({"dispute": dispute} if dispute else {})],
    }


def _text(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _cents(text: str) -> int:
    whole, _, rest = text.partition(".")
    return int(whole) * 100 + int(rest or 0)
