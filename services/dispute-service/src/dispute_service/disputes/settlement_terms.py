"""How long the ERP has to post what a dispute was resolved to: policy as data, with a version that each due date names.

A wait that nobody watches is held for ever: when its due date passes, it is a task for accounting.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from dispute_service.disputes.events import Settlement
from dispute_service.routing.matrix import ResolutionMatrix
from dispute_service.routing.sla import calendar_of
from redress.calendars import BusinessCalendar
from redress.policy.decisions import BUILT_IN, PolicyDefinition
from redress.policy.refusals import PolicyProblem
from redress.policy.state import WHOLE_COMPANY, PolicyInForce

CUSTOMER: Final = "customer"
LEGAL_ENTITY: Final = "legal-entity"
MAX_DAYS: Final = 365


class Term(Struct, frozen=True, kw_only=True):
    """So many days after the day of the resolution, until the day's closing time."""

    days: int
    counted: Literal["working", "calendar"] = "working"


class SettlementTerms(Struct, frozen=True, kw_only=True):
    """A term for each kind of posting that a dispute can wait for."""

    credit_memo: Term
    write_off: Term
    payment: Term

    def of(self, kind: str) -> Term:
        """`kind` is a part of an item's open amount: credit, write_off or payment."""
        match kind:
            case "credit":
                return self.credit_memo
            case "write_off":
                return self.write_off
            case _:
                return self.payment


def _problems(terms: SettlementTerms) -> tuple[PolicyProblem, ...]:
    of_kinds = {"credit_memo": terms.credit_memo, "write_off": terms.write_off, "payment": terms.payment}
    return tuple(
        PolicyProblem((name, "days"), f"{term.days} days are out of bounds", f"1 to {MAX_DAYS}")
        for name, term in of_kinds.items()
        if not 1 <= term.days <= MAX_DAYS
    )


SETTLEMENT_TERMS: Final = PolicyDefinition(
    name="settlement-terms",
    about="A dispute that was resolved waits for the ERP's credit memo, write-off or payment. When it was not posted"
    " after so many working or calendar days, that is a task for accounting. The policy in force on the day from which"
    " the posting is awaited decides.",
    document=SettlementTerms,
    built_in=SettlementTerms(credit_memo=Term(days=10), write_off=Term(days=10), payment=Term(days=5)),
    check=_problems,
    scope_kinds=(CUSTOMER, LEGAL_ENTITY),
)
BUILT_IN_TERMS: Final = PolicyInForce(SETTLEMENT_TERMS.name, BUILT_IN, WHOLE_COMPANY, SETTLEMENT_TERMS.built_in)


def scopes_of(customer_id: str, legal_entity: str | None) -> tuple[str, ...]:
    """Where to look before the terms of the whole company."""
    of_entity = () if legal_entity is None else (f"{LEGAL_ENTITY}:{legal_entity}",)
    return (f"{CUSTOMER}:{customer_id}", *of_entity)


def settlement(
    terms: PolicyInForce[SettlementTerms],
    kinds: Iterable[str],
    matrix: ResolutionMatrix,
    calendar: str,
    start: datetime,
) -> Settlement | None:
    """By when everything of these kinds is to be posted that is awaited from `start` on; None where nothing is.

    Days are counted in the matrix's calendar of this name; of one that it has no longer, in its first.
    """
    name = calendar if calendar in matrix.calendars else min(matrix.calendars)
    place = calendar_of(matrix.calendars[name])
    due = [_due_at(terms.document.of(kind), place, start) for kind in kinds]
    return Settlement(due_at=max(due), policy=terms.citation, calendar=name) if due else None


def _due_at(term: Term, place: BusinessCalendar, start: datetime) -> datetime:
    zone = ZoneInfo(place.timezone)
    day = start.astimezone(zone).date()
    last = day + timedelta(days=term.days) if term.counted == "calendar" else _working_day(place, day, term.days)
    return datetime.combine(last, place.closes, zone).astimezone(UTC)


def _working_day(place: BusinessCalendar, day: date, number: int) -> date:
    """The working day that is so many of them after the day."""
    while number:
        day += timedelta(days=1)
        number -= place.is_working_day(day)
    return day
