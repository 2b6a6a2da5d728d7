"""The reasons for which a dispute refuses a command.

DisputeRefusal
├── NoSuchDispute             there is none with this id in this company
├── AlreadyOpened             the id is taken by another dispute
├── WrongState                the action does not fit the state; `allowed_actions` do
├── EffectiveInFuture         what has not happened yet cannot be recorded
├── EffectiveBeforeOpening    nothing can happen to a dispute before it was opened
├── UnknownCode               a reason, root cause or resolution code that does not exist
├── ItemsOfTwoEntities        the items are of invoices of two legal entities: a dispute is routed by one
├── ItemsRefused              none, two currencies, an amount of zero or less, the same item twice
├── NobodyNamed               an assignment names neither a person nor a team
├── AnswerDueInPast           information cannot be due before it was asked for
├── TooManyNotes              the bound of notes and answers per dispute is reached
├── EscalationNotHigher       an escalation goes up, never down
├── VerdictNotStated          a decision says neither totals nor items
├── VerdictDoesNotAddUp       valid + invalid is not what is open
├── ItemAmountsRefused        the amounts per item leave an item out, name one twice, or do not fit one
├── CreditNotStated           the resolution code leaves the credited amount open and nobody said it
├── CreditOutOfBounds         the credited amount is not within what may be credited
├── ContradictsVerdict        the resolution says something else than the decision
├── CreditOfMismatch          a credit for an item that is not of the invoice it names: no credit memo would serve it
├── ClaimIsPaid               a claim after payment is neither paid again nor written off
├── NothingToReopen           everything was settled by postings: there is nothing to contest again
└── SettlementTaskRefusal
    ├── NoSettlementTask      nothing that the dispute waits for was ever overdue: there is no task for accounting
    ├── SettlementTaskTaken   somebody else has taken the task; it can be handed over
    └── SettlementTaskIsOver  the task is done, or closed because nothing is awaited any more
"""

from datetime import date, datetime

from redress.money import Money
from redress.refusal import Refusal


class DisputeRefusal(Refusal):
    """Any of the reasons above."""


class NoSuchDispute(DisputeRefusal):
    code = "dispute_not_found"
    title = "There is no such dispute"
    kind = "absent"

    def __init__(self) -> None:
        super().__init__("No dispute with this id exists in this company.")


class AlreadyOpened(DisputeRefusal):
    code = "dispute_exists"
    title = "The dispute exists already"
    kind = "conflict"

    def __init__(self) -> None:
        super().__init__("A dispute with this id was opened before with other contents.")


class WrongState(DisputeRefusal):
    code = "action_not_allowed"
    title = "The dispute's state does not allow this"
    kind = "conflict"

    def __init__(self, action: str, status: str, allowed_actions: tuple[str, ...]) -> None:
        allowed = ", ".join(allowed_actions)
        super().__init__(
            f"A dispute that is {status} cannot take the action {action}; it can take: {allowed}.",
            details={"status": status},
        )
        self.allowed_actions = allowed_actions


class EffectiveInFuture(DisputeRefusal):
    code = "effective_in_future"
    title = "The effective time lies in the future"

    def __init__(self, at: datetime, now: datetime) -> None:
        super().__init__(
            f"{at.isoformat()} has not come yet; it is {now.isoformat()}.",
            place=("effective_at",),
            allowed=f"a time up to {now.isoformat()}",
        )


class EffectiveBeforeOpening(DisputeRefusal):
    code = "effective_before_opening"
    title = "The effective time lies before the dispute's opening"

    def __init__(self, at: datetime, opened_at: datetime) -> None:
        super().__init__(
            f"The dispute was opened at {opened_at.isoformat()}; nothing can happen to it at {at.isoformat()}.",
            place=("effective_at",),
            allowed=f"a time from {opened_at.isoformat()}",
        )


class UnknownCode(DisputeRefusal):
    code = "unknown_code"
    title = "The code is not in the catalogue"

    def __init__(self, field: str, value: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{value!r} is not a {field.replace('_', ' ')}.", place=(field,), allowed=allowed)


class ItemsOfTwoEntities(DisputeRefusal):
    code = "items_of_two_entities"
    title = "The items are of two legal entities"

    def __init__(self, first: str, other: str, invoice_id: str) -> None:
        super().__init__(
            f"Invoice {invoice_id} is of {other}, items before it are of {first}: open one dispute for each, since a "
            "dispute is routed by its legal entity.",
            allowed=first,
            details={"legal_entities": (first, other)},
        )


class ItemsRefused(DisputeRefusal):
    code = "items_not_acceptable"
    title = "The items cannot be disputed like this"

    def __init__(self, message: str, place: tuple[str | int, ...], allowed: str) -> None:
        super().__init__(message, place=place, allowed=allowed)


class NobodyNamed(DisputeRefusal):
    code = "nobody_named"
    title = "The assignment names nobody"

    def __init__(self) -> None:
        super().__init__("An assignment by a person names an owner, a team or both.", place=())


class AnswerDueInPast(DisputeRefusal):
    code = "answer_due_in_past"
    title = "The answer would be due before the question"

    def __init__(self, due: date, asked_on: date) -> None:
        super().__init__(
            f"{due.isoformat()} lies before {asked_on.isoformat()}, when the information is asked for.",
            place=("due",),
            allowed=f"a date from {asked_on.isoformat()}",
        )


class TooManyNotes(DisputeRefusal):
    code = "too_many_notes"
    title = "The dispute takes no more notes"
    kind = "conflict"

    def __init__(self, bound: int) -> None:
        super().__init__(f"A dispute keeps at most {bound} notes, questions and answers.", details={"bound": bound})


class EscalationNotHigher(DisputeRefusal):
    code = "escalation_not_higher"
    title = "An escalation goes up"

    def __init__(self, level: int, current: int, highest: int) -> None:
        super().__init__(
            f"The dispute is at level {current}; level {level} is not higher.",
            place=("level",),
            allowed=f"{current + 1} to {highest}" if current < highest else "none: it is at the highest level",
            details={"escalation_level": current},
        )


class VerdictDoesNotAddUp(DisputeRefusal):
    code = "verdict_does_not_add_up"
    title = "Valid and invalid are not the open disputed amount"

    def __init__(self, valid: Money, invalid: Money, open_amount: Money) -> None:
        super().__init__(
            f"{valid} valid and {invalid} invalid must together be the open disputed amount {open_amount}.",
            place=("valid",),
            allowed=f"valid + invalid = {open_amount}, neither below zero",
            details={"open": open_amount},
        )


class VerdictNotStated(DisputeRefusal):
    code = "verdict_not_stated"
    title = "It is not said what is valid"

    def __init__(self, open_amount: Money) -> None:
        super().__init__(
            f"Say of the open disputed amount {open_amount} what is valid and what is invalid, in total or per item.",
            place=(),
            allowed="valid and invalid, or items",
            details={"open": open_amount},
        )


class ItemAmountsRefused(DisputeRefusal):
    code = "item_amounts_not_acceptable"
    title = "The amounts per item are not possible"

    def __init__(self, message: str, place: tuple[str | int, ...], allowed: tuple[str, ...] | str) -> None:
        super().__init__(message, place=place, allowed=allowed)


class CreditNotStated(DisputeRefusal):
    code = "credit_not_stated"
    title = "It is not said how much is credited"

    def __init__(self, resolution_code: str, open_amount: Money) -> None:
        super().__init__(
            f"{resolution_code} does not say how much of {open_amount} is credited: decide first, or state `credited` "
            "or `items`.",
            place=("credited",),
            allowed=f"an amount up to {open_amount}",
            details={"open": open_amount},
        )


class CreditOutOfBounds(DisputeRefusal):
    code = "credit_out_of_bounds"
    title = "The credited amount is not possible"

    def __init__(self, credited: Money, bound: Money, why: str) -> None:
        super().__init__(
            f"{credited} cannot be credited: {why}.",
            place=("credited",),
            allowed=f"more than zero, up to {bound}",
            details={"bound": bound},
        )


class ContradictsVerdict(DisputeRefusal):
    code = "contradicts_decision"
    title = "The resolution contradicts the decision"

    def __init__(self, resolution_code: str, valid: Money, invalid: Money, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"The decision found {valid} valid and {invalid} invalid; {resolution_code} says otherwise.",
            place=("resolution_code",),
            allowed=allowed,
            details={"valid": valid, "invalid": invalid},
        )


_DIFFERS = {"customer": "has another customer", "currency": "is in another currency", "line": "has no such line"}


class ClaimIsPaid(DisputeRefusal):
    code = "claim_is_paid"
    title = "What is claimed back is paid already"
    kind = "conflict"

    def __init__(self, item: int, invoice_id: str, resolution_code: str) -> None:
        super().__init__(
            f"Item {item} of invoice {invoice_id} is paid already: {resolution_code} does not answer a claim after "
            "payment.",
            place=("resolution_code",),
            allowed=(
                "REFUND",
                "CREDIT_FULL",
                "CREDIT_PARTIAL",
                "REBILL",
                "GOODWILL",
                "REJECTED_COLLECT",
                "VOID_LOGGED_IN_ERROR",
            ),
            details={"item": item, "invoice_id": invoice_id},
        )


class CreditOfMismatch(DisputeRefusal):
    code = "credit_of_mismatch"
    title = "No credit memo would serve this item"
    kind = "conflict"

    def __init__(self, item: int, invoice_id: str, mismatch: str, allowed: tuple[str, ...]) -> None:
        super().__init__(
            f"Item {item} is not of invoice {invoice_id}, which {_DIFFERS[mismatch]}: no credit memo would serve it.",
            place=("resolution_code",),
            allowed=allowed,
            details={"item": item, "invoice_id": invoice_id, "mismatch": mismatch},
        )


class NothingToReopen(DisputeRefusal):
    code = "nothing_to_reopen"
    title = "Nothing would be open"
    kind = "conflict"

    def __init__(self) -> None:
        super().__init__("All of it was paid or credited by postings of the ledger; open a new dispute instead.")


class SettlementTaskRefusal(DisputeRefusal):
    """Of the task about what a dispute waits for."""


class NoSettlementTask(SettlementTaskRefusal):
    code = "settlement_task_not_found"
    title = "There is no such task"
    kind = "absent"

    def __init__(self) -> None:
        super().__init__("Nothing that this dispute waits for was ever overdue, so there is no task about it.")


class SettlementTaskTaken(SettlementTaskRefusal):
    code = "settlement_task_taken"
    title = "Somebody else has taken the task"
    kind = "conflict"

    def __init__(self, owner: str, allowed_actions: tuple[str, ...]) -> None:
        super().__init__(f"{owner} has taken the task; it can be handed over.", details={"owner": owner})
        self.allowed_actions = allowed_actions


class SettlementTaskIsOver(SettlementTaskRefusal):
    code = "settlement_task_is_over"
    title = "The task is over"
    kind = "conflict"

    def __init__(self, state: str) -> None:
        super().__init__(f"The task is {state}; nothing can be done with it any more.", details={"state": state})
        self.allowed_actions = ()
