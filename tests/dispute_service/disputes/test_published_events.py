"""What others hear of a dispute: the contract's event, with the dispute as it is after it."""

from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace
from support.dispute_api import money
from support.disputes import (
    NOW,
    ask,
    assign_by_matrix,
    close,
    credit_memo,
    disputes,
    escalate,
    fit,
    item,
    judged,
    note,
    note_invoice,
    open_,
    payment,
    record,
    reopen,
    resolve,
    reversal,
    verdict,
    verdicts,
    withdraw,
)

from dispute_service.disputes import commands as c
from dispute_service.disputes.stream import DISPUTE
from dispute_service.service import SERVICE
from redress.contracts.catalogue import catalogue, json_schema
from redress.contracts.dispute_events import TOPIC
from redress.eventlog.events import Actor, Meta
from redress.eventlog.memory import InMemoryEventLog
from redress.handling.readers import LogReader
from redress.handling.state_cache import StateCache
from redress.handling.unit_of_work import Cause, UnitOfWork
from redress.ids import derived_uuid
from redress.service.composition import publication

STREAM = derived_uuid("test", "dispute")
SCHEMAS = {contract.name: json_schema(contract) for contract in catalogue() if contract.topic == TOPIC}


async def _published(*commands: c.DisputeCommand) -> list[dict[str, Any]]:
    """The published events of a dispute that these commands made, each checked against its contract."""
    log = InMemoryEventLog()
    history = disputes()
    for number, command in enumerate(commands):
        outcome = history.when(command)
        assert outcome.refusal is None, outcome.refusal
        meta = Meta(actor=Actor("person", "anna"), command_id=f"c-{number}", correlation_id="r-1")
        uow = UnitOfWork("acme", LogReader(log, "acme", StateCache(), await log.epoch()), Cause(meta, NOW))
        await uow.state(DISPUTE, STREAM)
        uow.record(DISPUTE, STREAM, outcome.events)
        await log.append("acme", uow.writes())
        history = history.after(command)
    events = await publication(SERVICE, log).publish(await log.read_log(0, 1_000))
    again = await publication(SERVICE, log).publish(await log.read_log(0, 1_000))
    assert again == events, "the same event always gives the same bytes"
    found = []
    for event in events:
        data = msgspec.json.decode(event.data)
        jsonschema.validate(data, SCHEMAS[event.type])
        found.append({"type": event.type, "version": event.version, "effective_at": event.effective_at, **data})
    return found


HISTORIES: dict[str, list[c.DisputeCommand]] = {
    "credit": [
        open_(),
        assign_by_matrix(),
        c.Classify(at=NOW, reason_code="TERMS", root_cause="UNKNOWN"),
        ask(),
        record(),
        note(),
        escalate(1),
        payment("50.00"),
        verdict("100.00", "50.00"),
        resolve("CREDIT_PARTIAL"),
        credit_memo("100.00"),
        close(),
        reopen(),
        withdraw(),
    ],
    "payment": [open_(), payment("200.00"), reversal("200.00"), c.AssignTo(at=NOW, owner="a.roth", team=None)],
}


@pytest.mark.parametrize(
    ("history", "types"),
    [
        (
            "credit",
            [
                "dispute-opened",
                "dispute-assigned",
                "dispute-classified",
                "dispute-information-requested",
                "dispute-information-recorded",
                "dispute-escalated",
                "dispute-amount-reduced",
                "dispute-decided",
                "dispute-resolved",
                "dispute-amount-reduced",
                "dispute-settled",
                "dispute-closed",
                "dispute-reopened",
                "dispute-withdrawn",
            ],
        ),
        (
            "payment",
            [
                "dispute-opened",
                "dispute-amount-reduced",
                "dispute-resolved",
                "dispute-reopened",
                "dispute-assigned",
            ],
        ),
    ],
)
async def test_everything_that_concerns_others_is_published_in_order(history: str, types: list[str]) -> None:
    assert [event["type"] for event in await _published(*HISTORIES[history])] == types


async def test_the_summary_is_the_dispute_after_the_event() -> None:
    events = {event["version"]: event for event in await _published(*HISTORIES["credit"])}
    assert events[1]["dispute"]["status"] == "open"
    assert events[2]["dispute"]["team"] == "Pricing"
    resolved = next(event for event in events.values() if event["type"] == "dispute-resolved")
    assert resolved["dispute"]["status"] == "settling"
    assert resolved["credit_due"] == money("100.00")
    assert resolved["rejected"] == money("50.00")
    assert resolved["paid"] == money("0.00")
    (item,) = resolved["dispute"]["items"]
    assert (item["open"], item["awaiting_credit"], item["paid"]) == (money("100.00"), money("100.00"), money("50.00"))


async def test_the_verdict_and_the_outcome_of_each_item_are_said() -> None:
    events = await _published(
        open_(item("100.00", "A1"), item("200.00", "B1", "10")),
        verdicts(judged(0, "100.00", "0.00"), judged(1, "0.00", "200.00")),
        resolve("CREDIT_PARTIAL"),
        reopen(),
    )
    opened, decided, resolved, reopened = events
    assert [(one["valid"], one["invalid"]) for one in opened["dispute"]["items"]] == [(None, None), (None, None)]
    assert (decided["valid"], decided["invalid"], decided["spread"]) == (money("100.00"), money("200.00"), "stated")
    for event in (decided, resolved):
        assert [(one["valid"], one["invalid"]) for one in event["dispute"]["items"]] == [
            (money("100.00"), money("0.00")),
            (money("0.00"), money("200.00")),
        ]
    nothing = money("0.00")
    names = ("written_off", "paid", "withdrawn", "write_off_due", "payment_due")
    rest = {**dict.fromkeys(names, nothing), "legal_entity": None}
    assert resolved["outcomes"] == [
        {"item": 0, "invoice_id": "A1", "line": None, "credit_due": money("100.00"), "rejected": nothing, **rest},
        {"item": 1, "invoice_id": "B1", "line": "10", "credit_due": nothing, "rejected": money("200.00"), **rest},
    ]
    assert resolved["by_ledger"] is False
    assert [one["valid"] for one in reopened["dispute"]["items"]] == [None, None]


async def test_what_waits_for_a_posting_and_what_becomes_of_the_wait_is_said() -> None:
    """200.00 await a write-off; 150.00 are posted, and of the rest nothing more comes."""
    write_off = c.ApplyWriteOff(
        at=NOW, write_off_id="W-1", kind="bad_debt", invoice_id="INV-1", ledger_version=4, reduce_by=15_000
    )
    resolved, reduced, given_up = (
        await _published(
            open_(),
            resolve("WRITE_OFF_SMALL"),
            write_off,
            c.Settle(at=NOW, into="rejected", reason="the rest was a mistake"),
        )
    )[1:]
    (item,) = resolved["dispute"]["items"]
    assert (resolved["write_off_due"], resolved["written_off"]) == (money("200.00"), money("0.00"))
    assert (item["open"], item["awaiting_write_off"], item["awaiting_payment"]) == (
        money("200.00"),
        money("200.00"),
        money("0.00"),
    )
    (item,) = reduced["dispute"]["items"]
    assert (item["awaiting_write_off"], item["written_off"]) == (money("50.00"), money("150.00"))
    assert (given_up["type"], given_up["amount"], given_up["into"], given_up["reason"]) == (
        "dispute-settlement-given-up", money("50.00"), "rejected", "the rest was a mistake"
    )  # fmt: skip
    (item,) = given_up["dispute"]["items"]
    assert (given_up["dispute"]["status"], item["open"], item["rejected"]) == (
        "resolved",
        money("0.00"),
        money("50.00"),
    )


async def test_a_verdict_in_total_says_that_its_items_are_shares() -> None:
    decided = (await _published(open_(item("100.00", "A1"), item("200.00", "B1")), verdict("100.00", "200.00")))[1]
    assert decided["spread"] == "proportional"
    assert [one["valid"] for one in decided["dispute"]["items"]] == [money("33.33"), money("66.67")]


async def test_a_dispute_that_a_payment_ended_says_what_was_paid() -> None:
    resolved = (await _published(*HISTORIES["payment"]))[2]
    assert resolved["resolution_code"] == "CUSTOMER_PAID"
    assert (resolved["by_ledger"], resolved["outcomes"]) == (True, [])
    assert resolved["paid"] == money("200.00")
    assert resolved["dispute"]["open"] == money("0.00")


async def test_a_reversed_payment_of_an_active_dispute_says_that_more_is_contested() -> None:
    events = await _published(open_(), payment("50.00"), reversal("50.00"))
    assert [event["type"] for event in events] == ["dispute-opened", "dispute-amount-reduced", "dispute-reopened"]
    assert events[2]["dispute"]["open"] == money("200.00")
    assert events[2]["reason"] == "Payment P-1 was reversed."


async def test_a_reversed_payment_of_a_rejected_dispute_says_what_is_to_be_collected_besides() -> None:
    events = await _published(open_(), payment("50.00"), resolve("REJECTED_COLLECT"), reversal("50.00"))
    told = events[-1]
    assert (told["type"], told["cause"], told["restored"], told["into"]) == (
        "dispute-amount-restored", "payment-reversed", money("50.00"), "rejected",
    )  # fmt: skip
    assert told["dispute"]["items"][0]["rejected"] == money("200.00")


async def test_an_item_that_is_not_of_the_invoice_is_told_with_what_is_wrong() -> None:
    told = (await _published(open_(), replace(note_invoice(), customer_id="C-2")))[-1]
    assert (told["type"], told["invoice_id"]) == ("dispute-mismatch-found", "INV-1")
    assert told["dispute"]["items"][0]["mismatch"] == "customer"


async def test_a_dispute_that_a_smaller_invoice_ended_says_how_much_and_promises_no_credit() -> None:
    told = (await _published(open_(), fit("200.00")))[-1]
    assert (told["resolution_code"], told["reduced"], told["credit_due"]) == (
        "INVOICE_REDUCED", money("200.00"), money("0.00"),
    )  # fmt: skip


async def test_the_matrix_is_named_when_it_decided() -> None:
    by_matrix = (await _published(open_(), assign_by_matrix()))[1]
    assert (by_matrix["by"], by_matrix["rule_id"], by_matrix["policy_version"]) == ("matrix", "default-price", 0)
    by_person = (await _published(open_(), c.AssignTo(at=NOW, owner="a", team=None, reason="knows it")))[1]
    assert (by_person["by"], by_person["rule_id"], by_person["explanation"]) == ("person", None, "knows it")
