"""Every operation has an example, and each is what a service really takes and answers. `make openapi-examples`."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from support.collections_office import credit_memo, dispute_event, invoice, payment
from support.databases import MakeDatabase
from support.dispute_api import money
from support.legal_entities import NEW_YORK
from support.openapi_documents import EVERY_OPERATION, SERVICES, Operation
from support.openapi_examples import Storyteller, flaws, settled
from support.published_disputes import contact, dispute, published
from support.running_service import running_service

from redress.contracts.dispute_events import DisputeOpened
from redress.web.openapi import Example, read_examples

RECORDS = "RECORD_EXAMPLES" in os.environ
AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)

every_operation = pytest.mark.parametrize("operation", EVERY_OPERATION, ids=str)
every_service = pytest.mark.parametrize("service", SERVICES)


def folder(service: str) -> Path:
    found = SERVICES[service].examples
    assert found is not None
    return found


@pytest_asyncio.fixture(scope="session")
async def told(make_database: MakeDatabase) -> AsyncIterator[dict[str, dict[str, Example]]]:
    """The examples as they are now, by service and operation."""
    found = {}
    for service, story in STORIES.items():
        async with running_service(SERVICES[service], make_database, AT) as running:
            teller = Storyteller(running)
            await story(teller)
            await teller.what_every_service_has()
            found[service] = teller.told
            if RECORDS:
                record(service, teller.told)
    yield found


def record(service: str, told: dict[str, Example]) -> None:
    folder(service).mkdir(exist_ok=True)
    for old in folder(service).glob("*.json"):
        old.unlink()
    for operation, example in told.items():
        text = msgspec.json.format(msgspec.json.encode(example), indent=2)
        (folder(service) / f"{operation}.json").write_bytes(text + b"\n")


@every_operation
def test_every_operation_has_an_example(operation: Operation, told: dict[str, dict[str, Example]]) -> None:
    assert operation.id in told[operation.service]


@every_service
def test_the_files_are_what_is_sent_and_received_today(service: str, told: dict[str, dict[str, Example]]) -> None:
    written = read_examples(folder(service))
    assert set(written) == set(told[service])
    for operation, example in told[service].items():
        now, then = settled(msgspec.to_builtins(example)), settled(msgspec.to_builtins(written[operation]))
        assert now == then, f"{operation}: run `make openapi-examples` and look at the difference"


@every_operation
def test_the_example_is_as_the_operation_says(operation: Operation, told: dict[str, dict[str, Example]]) -> None:
    assert list(flaws(operation, told[operation.service][operation.id])) == []


@every_operation
def test_the_document_shows_the_example(operation: Operation) -> None:
    example = read_examples(folder(operation.service))[operation.id]
    (shown,) = operation.successes[example.status]["content"].values()
    assert shown["example"] == example.response
    if example.request is not None:
        assert operation.spec["requestBody"]["content"]["application/json"]["example"] == example.request


# -- the stories


def an_opening(invoice_id: str) -> dict[str, Any]:
    return {
        "customer_id": "C-1",
        "items": [{"invoice_id": invoice_id, "amount": money("200.00")}],
        "reason_code": "PRICE",
        "origin": "email",
        "description": "We agreed on 3 % less.",
        "contact": {"name": "Maria Weber", "email": "maria@kunde.example", "language": "de"},
    }


async def of_disputes(api: Storyteller) -> None:
    opened = await api.tell("open_dispute", an_opening("INV-1"), role="analyst")
    dispute_id = opened["dispute_id"]
    seen = opened["version"]

    async def act(action: str, body: object) -> None:
        nonlocal seen
        after = await api.tell(action, body, role="analyst", version=seen, dispute_id=dispute_id)
        seen = after["version"]

    await act("assign", {})
    await act("request_information", {"from": "customer", "what": "Please send the contract.", "due": "2026-03-20"})
    await act("record_information", {"text": "Contract attached."})
    await act("add_note", {"text": "Page 3 matters.", "visibility": "internal"})
    await act("classify", {"reason_code": "TERMS", "root_cause": "CONTRACT_INTERPRETATION"})
    await act("escalate", {"level": 1, "reason": "The customer waits.", "to": "a.roth"})
    verdict = {"valid": money("150.00"), "invalid": money("50.00"), "root_cause": "CONTRACT_INTERPRETATION"}
    await act("decide", {**verdict, "rationale": "3 % were agreed for the first pallet only."})
    await act("resolve", {"resolution_code": "CREDIT_PARTIAL"})
    await act("reopen", {"reason": "The customer objects."})
    await act("withdraw", {"reason": "Settled by phone."})
    await act("reopen", {"reason": "The phone call was about another invoice."})
    await act("resolve", {"resolution_code": "CUSTOMER_PAID"})
    await api.running.catch_up()
    await api.running.worker.pool.execute("UPDATE es.timer SET due_at = es.now() WHERE state = 'pending'")
    await api.running.fire_timers()
    await api.tell("list_settlement_tasks", role="analyst", customer_id="C-1")
    await api.tell("take_settlement_task", {}, role="analyst", dispute_id=dispute_id)
    handed_over = {"to": "ben", "reason": "Posts the cash."}
    await api.tell("hand_over_settlement_task", handed_over, role="analyst", dispute_id=dispute_id)
    result = {"result": "The bank has it; posted tomorrow."}
    await api.tell("finish_settlement_task", result, role="analyst", dispute_id=dispute_id)
    seen += 4
    await act("settle", {"remainder": "settled_elsewhere", "reason": "Posted on account."})
    await act("close", {})
    await api.running.catch_up()
    await api.tell("read_dispute", role="analyst", dispute_id=dispute_id)
    await api.tell("list_disputes", role="analyst", customer_id="C-1")
    await api.tell("read_events", role="analyst", dispute_id=dispute_id, limit=3)
    await api.tell("read_diff", role="analyst", dispute_id=dispute_id, **{"from": 1, "to": 2})
    await api.tell("read_reasons", role="analyst")
    await api.tell("read_matrix", role="analyst")
    await api.tell("publish_matrix", a_matrix(), role="admin")
    term = {"days": 14, "counted": "calendar"}
    await of_policies(api, "settlement-terms", {"credit_memo": term, "write_off": term, "payment": {"days": 3}})


def a_matrix() -> dict[str, Any]:
    return {
        "rules": [
            {
                "rule_id": "large",
                "reason_codes": ["PRICE"],
                "band": {"currency": "EUR", "at_least": "1000.00"},
                "team": "Key accounts",
                "owner": "a.roth",
                "sla_hours": 8,
                "calendar": "germany",
            },
            {"rule_id": "rest", "reason_codes": ["*"], "team": "Pool", "sla_hours": 24, "calendar": "germany"},
        ],
        "calendars": {"germany": {"country": "DE", "time_zone": "Europe/Berlin", "opens": "09:00", "closes": "17:00"}},
        "comment": "Large price disputes go to the key accounts.",
    }


async def of_collections(api: Storyteller) -> None:
    messages = [
        invoice(),
        invoice("INV-2", total="80.00"),
        payment(amount="450.00", pays={"INV-1": "450.00"}),
        credit_memo(pays={"INV-2": "30.00"}),
        payment("P-9", amount="10.00", pays={"INV-9": "10.00"}),
    ]
    await api.tell("post_erp_events", messages, role="erp")
    await api.running.take(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}))
    await api.running.take(dispute_event("dispute-resolved", version=2, open={"INV-1": 10_000}, rejected=20_000))
    await api.running.catch_up()
    await api.tell("read_source_health", role="erp", source="sap")
    await api.tell("read_invoice", role="collector", invoice_id="INV-1")
    await api.tell("list_invoices", role="collector", customer_id="C-1", open="true")
    await api.tell("read_customer", role="collector", customer_id="C-1")
    await api.tell("list_holds", role="collector", customer_id="C-1")
    tasks = await api.tell("list_recovery_tasks", role="collector", customer_id="C-1")
    task_id = tasks["items"][0]["task_id"]
    await api.tell("take_recovery_task", {}, role="collector", task_id=task_id)
    handed_over = {"to": "ben", "reason": "Knows the customer."}
    await api.tell("hand_over_recovery_task", handed_over, role="collector", task_id=task_id)
    await api.tell("finish_recovery_task", {"result": "Paid by cheque."}, role="collector", task_id=task_id)
    await api.tell("describe_legal_entity", NEW_YORK, role="admin", code="US01")
    await api.running.catch_up()
    await api.tell("read_legal_entity", role="collector", code="US01")
    await api.tell("list_legal_entities", role="collector")
    await api.tell("read_ageing", role="collector", group_by="customer")
    await of_policies(api, "short-payment-tolerance", {"at_least": "5.00", "percent": "1"})


async def of_notifications(api: Storyteller) -> None:
    anna = {"name": "Anna Roth", "email": "anna@muster.example", "language": "de"}
    await api.tell("record_directory_entry", anna, role="admin", entry_id="anna")
    await api.tell("read_directory_entry", role="analyst", entry_id="anna")
    maria = await contact(api.running.vault, "Maria Weber", "maria@kunde.example", "de")
    event = published(DisputeOpened(dispute=dispute(contact=maria)), at=AT)
    await api.running.take(event)
    await api.running.catch_up()
    page = await api.tell("list_notifications", role="analyst", dispute_id=dispute().dispute_id)
    await api.tell("read_notification", role="analyst", notification_id=page["items"][0]["id"])
    await api.tell("read_why", role="analyst", event_id=event.id)
    await of_policies(api, "sending", {"pauses": [60, 300, 900]})


async def of_policies(api: Storyteller, name: str, document: dict[str, Any]) -> None:
    draft = {"effective_from": AT.date().isoformat(), "document": document, "comment": "Agreed with the auditors."}
    await api.tell("draft_policy", draft, role="admin", name=name)
    await api.tell("discard_policy_draft", {}, role="admin", name=name)
    await api.tell("draft_policy", draft, role="admin", name=name)
    await api.tell("publish_policy", {}, role="admin", name=name)
    await api.tell("read_policy", role="auditor", name=name)
    await api.tell("list_policies", role="auditor")


STORIES: dict[str, Callable[[Storyteller], Awaitable[None]]] = {
    "dispute-service": of_disputes,
    "collections-service": of_collections,
    "notification-service": of_notifications,
}
