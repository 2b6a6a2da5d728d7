"""An invoice is registered, corrected and cancelled."""

from collections.abc import Iterator, Sequence
from datetime import date

from collections_service.open_items.commands import CancelInvoice, CorrectInvoice, RegisterInvoice
from collections_service.open_items.decisions.changes import day_with_room, known_terms, not_cancelled, with_holds
from collections_service.open_items.events import (
    CashDiscount,
    InvoiceCancelled,
    InvoiceCorrected,
    InvoiceRegistered,
    Line,
    OpenItemEvent,
    Step,
)
from collections_service.open_items.refusals import (
    BelowSettledAmount,
    CancelledWithMoney,
    CannotBeCorrected,
    InvoiceDiffers,
)
from collections_service.open_items.state import OpenItem, Terms, evolve, first_day_with_room, with_step
from redress.money import Money


def register(command: RegisterInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """A new invoice; disputes that spoke of it before now get their holds. The same invoice again: nothing."""
    if item.terms is not None:
        not_cancelled(item, command.invoice_id)
        _same_invoice(command, item.terms)
        return []
    registered = InvoiceRegistered(
        invoice_id=command.invoice_id,
        source=command.source,
        legal_entity=command.legal_entity,
        customer_id=command.customer_id,
        issued_on=command.issued_on,
        due_on=command.due_on,
        total=command.total,
        tax=command.tax,
        lines=command.lines,
        po_number=command.po_number,
        discount=command.discount,
    )
    return with_holds(item, registered, "the invoice was registered")


def correct(command: CorrectInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """New terms from the day of the correction on; on all days where an error was there from the start. A total below
    what is settled is refused: the ERP reverses the payment first."""
    terms = known_terms(item, command.invoice_id)
    not_cancelled(item, command.invoice_id)
    _only_correctable(command, terms)
    total = command.total or terms.total
    settled = Money(terms.total.minor - item.open_minor, terms.total.currency)
    if total < settled:
        raise BelowSettledAmount(terms.invoice_id, total, settled)
    from_day = terms.issued_on if command.from_start else max(command.corrected_on, terms.issued_on)
    steps = () if command.total is None else _steps_to(total, from_day, item)
    corrected = InvoiceCorrected(
        corrected_on=command.corrected_on,
        effective_on=steps[0].on if steps else from_day,
        due_on=command.due_on or terms.due_on,
        total=total,
        change=total.minor - terms.total.minor,
        tax=terms.tax if command.tax is None else command.tax,
        lines=terms.lines if command.lines is None else command.lines,
        po_number=terms.po_number if command.po_number is None else command.po_number,
        discount=_corrected_discount(command, terms),
        steps=steps,
        due_from=from_day if _moves_due_date(command, item, from_day) else None,
        from_start=command.from_start,
    )
    if evolve(item, corrected).terms == terms and not steps and corrected.due_from is None:
        return []
    return with_holds(item, corrected, "the invoice was corrected", since=corrected.effective_on)


def cancel(command: CancelInvoice, item: OpenItem) -> list[OpenItemEvent]:
    """Nothing is owed any more. Refused while money or credit lies on the invoice: that is taken off first."""
    terms = known_terms(item, command.invoice_id)
    if item.cancelled_on is not None:
        return []
    settled = terms.total.minor - item.open_minor
    if settled:
        raise CancelledWithMoney(terms.invoice_id, Money(settled, terms.total.currency))
    from_day = max(command.cancelled_on, terms.issued_on)
    cancelled = InvoiceCancelled(
        cancelled_on=command.cancelled_on,
        effective_on=day_with_room(item, from_day, item.open_minor),
        change=-item.open_minor,
        reason=command.reason,
    )
    return with_holds(item, cancelled, "the invoice was cancelled", since=cancelled.effective_on)


def _steps_to(total: Money, from_day: date, item: OpenItem) -> tuple[Step, ...]:
    """The changes of the total, in the order of their days, after which the invoice asks for `total` on every day from
    `from_day` on. One that makes it smaller waits for the first day on which so much is open."""
    asked_for = [step for correction in item.corrections for step in correction.steps]
    before = item.registered.total.minor if item.registered else 0
    now = before + sum(step.minor for step in asked_for if step.on <= from_day)
    wanted = [Step(from_day, total.minor - now), *(Step(s.on, -s.minor) for s in asked_for if s.on > from_day)]
    steps: tuple[Step, ...] = ()
    movements = item.movements
    for step in sorted(wanted, key=lambda each: each.minor <= 0):
        on = step.on if step.minor >= 0 else first_day_with_room(movements, step.on, -step.minor)
        movements = with_step(movements, Step(on, step.minor))
        steps = with_step(steps, Step(on, step.minor))
    return tuple(step for step in steps if step.minor)


def _moves_due_date(command: CorrectInvoice, item: OpenItem, from_day: date) -> bool:
    """Whether it was another date on any day from `from_day` on."""
    if command.due_on is None:
        return False
    moved = (each.due_from for each in item.corrections if each.due_from is not None and each.due_from > from_day)
    return any(terms.due_on != command.due_on for day in (from_day, *moved) if (terms := item.terms_on(day)))


def _corrected_discount(command: CorrectInvoice, terms: Terms) -> CashDiscount | None:
    if command.discount is None:
        return terms.discount
    return command.discount if command.discount.percent else None


def _same_invoice(command: RegisterInvoice, terms: Terms) -> None:
    pairs: Sequence[tuple[str, object, object]] = (
        ("source", terms.source, command.source),
        ("legal entity", terms.legal_entity, command.legal_entity),
        ("customer", terms.customer_id, command.customer_id),
        ("issue date", terms.issued_on, command.issued_on),
        ("due date", terms.due_on, command.due_on),
        ("total", terms.total, command.total),
        ("tax", terms.tax, command.tax),
        ("order number", terms.po_number, command.po_number),
        ("cash discount", _told(terms.discount), _told(command.discount)),
        *_lines_side_by_side(terms.lines, command.lines),
    )
    for field, known, sent in pairs:
        if known != sent:
            raise InvoiceDiffers(terms.invoice_id, field, _or_none(known), _or_none(sent))


def _lines_side_by_side(known: Sequence[Line], sent: Sequence[Line]) -> Iterator[tuple[str, object, object]]:
    yield "number of lines", len(known), len(sent)
    for one, other in zip(known, sent, strict=False):
        yield "line", one.line, other.line
        for part in ("amount", "description", "quantity", "unit_price"):
            yield f"{part.replace('_', ' ')} of line {one.line}", getattr(one, part), getattr(other, part)


def _told(discount: CashDiscount | None) -> str | None:
    return None if discount is None else f"{discount.percent:f} % within {discount.days} days"


def _or_none(value: object) -> str:
    return "none" if value is None else str(value)


def _only_correctable(command: CorrectInvoice, terms: Terms) -> None:
    pairs: Sequence[tuple[str, object, object]] = (
        ("customer", terms.customer_id, command.customer_id),
        ("currency", terms.total.currency, command.currency),
        ("currency", terms.total.currency, command.total.currency if command.total else None),
        ("issue date", terms.issued_on, command.issued_on),
    )
    for field, known, sent in pairs:
        if sent is not None and known != sent:
            raise CannotBeCorrected(terms.invoice_id, field, str(known), str(sent))
