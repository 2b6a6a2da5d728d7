"""The command that opens a dispute: the contested items, and the promise it is opened with."""

from collections.abc import Sequence
from datetime import datetime

from dispute_service.disputes import commands as c
from dispute_service.disputes import events as e
from dispute_service.disputes.decisions.guards import promise
from dispute_service.disputes.refusals import (
    AlreadyOpened,
    EffectiveInFuture,
    ItemsOfTwoEntities,
    ItemsRefused,
    UnknownCode,
)
from dispute_service.disputes.state import Dispute, State
from dispute_service.reasons.catalogue import REASON_BY_CODE
from dispute_service.routing.matrix import ResolutionMatrix
from redress.money import Money

MAX_ITEMS = 100


def decide(command: c.Open, state: State, policy: ResolutionMatrix, now: datetime) -> list[e.DisputeEvent]:
    if isinstance(state, Dispute):
        if not _is_opened_so(command, state):
            raise AlreadyOpened
        return []
    if command.at > now:
        raise EffectiveInFuture(command.at, now)
    if command.reason_code not in REASON_BY_CODE:
        raise UnknownCode("reason_code", command.reason_code, tuple(REASON_BY_CODE))
    amount = _contested(command)
    start = max(command.at, command.clock_from or command.at)
    routing, sla = promise(policy, command.reason_code, amount, command.legal_entity, start)
    return [
        e.DisputeOpened(
            at=command.at,
            customer_id=command.customer_id,
            currency=amount.currency,
            items=tuple(
                e.OpenedItem(
                    invoice_id=item.invoice_id,
                    line=item.line,
                    amount=item.amount.minor,
                    known=item.known,
                    legal_entity=item.legal_entity,
                    shares_number=item.shares_number,
                )
                for item in command.items
            ),
            reason_code=command.reason_code,
            origin=command.origin,
            routing=routing,
            sla=sla,
            legal_entity=command.legal_entity,
            external_reason=command.external_reason,
            reason_explanation=command.reason_explanation,
            description=command.description,
            contact=command.contact,
            claim_number=command.claim_number,
            short_payment=command.short_payment,
            claimed_back=tuple(
                e.Share(index, item.amount.minor) for index, item in enumerate(command.items) if item.paid
            ),
        )
    ]


def _is_opened_so(command: c.Open, state: Dispute) -> bool:
    """The reason code is not compared: it may have been changed since."""
    opened = (state.customer_id, state.opened_at, state.origin, state.external_reason)
    items = [(item.invoice_id, item.line, state.money(item.disputed)) for item in state.items]
    return opened == (command.customer_id, command.at, command.origin, command.external_reason) and items == [
        (item.invoice_id, item.line, item.amount) for item in command.items
    ]


def _of_one_entity(items: Sequence[c.ContestedItem]) -> None:
    """A dispute is routed by its legal entity, so it has one. What nobody knows the entity of may be anyone's."""
    first: str | None = None
    for index, item in enumerate(items):
        if first is not None and item.legal_entity not in (None, first):
            raise ItemsOfTwoEntities(first, item.legal_entity or "", item.invoice_id).at("items", index, "legal_entity")
        first = first or item.legal_entity


def _contested(command: c.Open) -> Money:
    """The total of the items. ItemsRefused for no or too many items, two currencies, zero, or one place twice;
    ItemsOfTwoEntities."""
    if not 1 <= len(command.items) <= MAX_ITEMS:
        raise ItemsRefused("A dispute contests at least one item.", ("items",), f"1 to {MAX_ITEMS} items")
    _of_one_entity(command.items)
    contested = Money(0, command.items[0].amount.currency)
    places: set[tuple[str, str | None]] = set()
    for index, item in enumerate(command.items):
        if item.amount.currency != contested.currency:
            raise ItemsRefused(
                f"The first item is in {contested.currency}, this one in {item.amount.currency}: "
                "a dispute has one currency.",
                ("items", index, "amount", "currency"),
                contested.currency,
            )
        if item.amount.minor <= 0:
            raise ItemsRefused(
                f"{item.amount} cannot be contested.", ("items", index, "amount", "amount"), "more than zero"
            )
        if (item.invoice_id, item.line) in places:
            raise ItemsRefused(
                f"Invoice {item.invoice_id} {f'line {item.line} ' if item.line else ''}is contested twice.",
                ("items", index),
                "each invoice and line once",
            )
        places.add((item.invoice_id, item.line))
        contested += item.amount
    return contested
