"""I1, I2, I15: what clients were promised is stored, once, and nothing else is.

Ids that the services derive are derived here again, by the rule in `shared/docs`: a repeated command has one id.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from faults.audit.promises import Promises
from faults.audit.report import Finding
from faults.audit.world import World
from redress.ids import derived_uuid, parse_public_id

T = TypeVar("T")

_AT_ONCE = 5_000


async def command_rules(world: World, promises: Promises) -> list[Finding]:
    findings = [_answers(promises), _documented(promises)]
    for service in world.databases:
        findings.append(await _stored_answers(world, service, promises))
        findings += await _effects(world, service, promises)
    if "dispute" in world.databases:
        findings.append(await _disputes_are_there(world, promises))
    if "collections" in world.databases:
        findings.append(await _postings_are_there(world, promises))
    return findings


def _answers(promises: Promises) -> Finding:
    finding = Finding("I2", "clients", "every repetition of a key got the first answer, byte for byte")
    finding.look(len(promises.acknowledged))
    for (service, _, key), first, other in promises.contradictions:
        finding.violated(
            f"{service} answered {first.status} {first.body[:150]} and then {other.status} {other.body[:150]}", key=key
        )
    return finding


def _documented(promises: Promises) -> Finding:
    finding = Finding("I15", "clients", "only documented answers: 2xx, 4xx, or 503 with Retry-After")
    finding.look(sum(promises.statuses.values()))
    for line in promises.strange:
        finding.violated(f"{line.service} answered {line.status}: {line.body[:200]}", key=line.key)
    return finding


async def _stored_answers(world: World, service: str, promises: Promises) -> Finding:
    finding = Finding("I1", service, "the answer of every acknowledged command is stored, byte for byte")
    told = {(tenant, key): answer for (at, tenant, key), answer in promises.acknowledged.items() if at == service}
    for some in _in_portions(told):
        rows = await world.rows(
            service,
            "SELECT tenant_id, key, status, response FROM es.command c"
            " JOIN unnest($1::text[], $2::text[]) AS w(t, k) ON c.tenant_id = w.t AND c.key = w.k",
            [tenant for tenant, _ in some],
            [key for _, key in some],
        )
        stored = {(row["tenant_id"], row["key"]): (row["status"], bytes(row["response"])) for row in rows}
        for tenant, key in some:
            answer = told[tenant, key]
            found = stored.get((tenant, key))
            finding.must(found is not None, "an acknowledged command is not stored", key=key)
            if found is not None and found != (answer.status, answer.body.encode()):
                finding.violated("the stored answer is not the one that was given", key=key)
    return finding


async def _effects(world: World, service: str, promises: Promises) -> list[Finding]:
    """Every event of a person or a program outside goes back to a key that was sent; no command did a thing twice."""
    known = {str(derived_uuid("command", tenant, key)) for at, tenant, key in promises.sent if at == service}
    known |= {f"erp {source} {event_id}" for _, source, event_id in promises.erp} if service == "collections" else set()
    caused = Finding("I2", service, "no event of a client without a command that some client sent")
    once = Finding("I2", service, "no command, and no event of another service, had the same effect twice")
    rows = await world.rows(
        service,
        "SELECT coalesce(m->>'command_id', '') AS command, m->'actor'->>'kind' AS kind, e.stream_id, e.type,"
        " count(*) AS n, min(e.version) AS version"
        " FROM es.event e, LATERAL (SELECT convert_from(e.meta, 'UTF8')::jsonb AS m) x"
        " GROUP BY 1, 2, 3, 4",
    )
    for row in rows:
        where: dict[str, Any] = {"stream": row["stream_id"], "version": row["version"], "key": row["command"]}
        if row["kind"] == "person" or row["command"].startswith("erp "):
            caused.must(row["command"] in known, "an event of a command that nobody sent", **where)
        once.must(row["n"] == 1 or row["type"] in _MAY_REPEAT, f"{row['n']} {row['type']} by one command", **where)
    return [caused, once]


# One posting may change what several disputes hold of an invoice.
_MAY_REPEAT = frozenset({"hold-placed", "hold-reduced", "hold-released", "reservation-set"})


async def _disputes_are_there(world: World, promises: Promises) -> Finding:
    finding = Finding("I1", "dispute", "every acknowledged change of a dispute is an event of that version")
    wanted: dict[tuple[UUID, int], str] = {}
    for (service, _, key), told in promises.acknowledged.items():
        if service == "dispute":
            document = msgspec.json.decode(told.body)
            if "dispute_id" in document:
                wanted[parse_public_id("dsp", document["dispute_id"]), document["version"]] = key
    for some in _in_portions(wanted):
        found = {
            (row["stream_id"], row["version"])
            for row in await world.rows(
                "dispute",
                "SELECT e.stream_id, e.version FROM es.event e JOIN unnest($1::uuid[], $2::bigint[]) AS w(s, v)"
                " ON e.stream_id = w.s AND e.version = w.v",
                [stream for stream, _ in some],
                [version for _, version in some],
            )
        }
        for stream, version in some:
            finding.must(
                (stream, version) in found,
                "an acknowledged change is not there",
                stream=stream,
                version=version,
                key=wanted[stream, version],
            )
    return finding


async def _postings_are_there(world: World, promises: Promises) -> Finding:
    finding = Finding("I1", "collections", "every message the ERP was promised is in the books, exactly once")
    await _still_waiting(world, promises, finding)
    found = await _first_events(world)
    for (tenant, source, event_id), item in promises.erp.items():
        kind = str(item.message.get("kind"))
        if not item.taken or kind not in _FIRST_EVENT:
            continue
        command = f"erp {source} {event_id}"
        times = found.get((tenant, command), {}).get(_FIRST_EVENT[kind], 0)
        finding.must(times >= 1, f"an accepted {kind} of {tenant} is not in the books", key=command)
        if times > 1:
            finding.violated(f"a {kind} of {tenant} is {times} times in the books", key=command)
    return finding


async def _still_waiting(world: World, promises: Promises, finding: Finding) -> None:
    """Marks what waits for something that has not come. The event it waits for must not be there."""
    rows = await world.rows(
        "collections",
        "SELECT m.tenant_id, m.source, m.source_event_id, m.waits_for, EXISTS (SELECT FROM read.invoice_current i"
        " WHERE i.tenant_id = m.tenant_id AND (m.waits_for = 'invoice ' || i.invoice_id"
        " OR m.waits_for = 'invoice ' || i.invoice_id || ' of ' || i.legal_entity)) AS has_come"
        " FROM erp.message m WHERE m.result = 'waiting'",
    )
    for row in rows:
        item = promises.erp.get((row["tenant_id"], row["source"], row["source_event_id"]))
        if item is not None:
            item.waits = not row["has_come"]
        if row["has_come"]:
            finding.violated(f"it waits for {row['waits_for']}, which has come", key=row["source_event_id"])


# The event that a message becomes, once. A credit memo or payment touches invoices besides.
_FIRST_EVENT = {
    "invoice-posted": "invoice-registered",
    "invoice-corrected": "invoice-corrected",
    "payment-received": "payment-received",
    "payment-reversed": "receipt-reversed",
    "credit-memo-posted": "credit-memo-posted",
    "credit-memo-reversed": "credit-memo-cancelled",
    "receipt-applied": "receipt-applied",
    "receipt-unapplied": "receipt-unapplied",
    "refund-posted": "receipt-refunded",
    "payer-identified": "payer-identified",
    "write-off-posted": "write-off-posted",
    "write-off-reversed": "write-off-reversed",
    "invoice-cancelled": "invoice-cancelled",
    "invoice-customer-changed": "invoice-customer-changed",
    "collection-handed-over": "collection-handed-over",
    "collection-taken-back": "collection-taken-back",
}


async def _first_events(world: World) -> dict[tuple[str, str], dict[str, int]]:
    """How often each of them was written, by tenant and command."""
    rows = await world.rows(
        "collections",
        "SELECT e.tenant_id, convert_from(e.meta, 'UTF8')::jsonb->>'command_id' AS command, e.type, count(*) AS n"
        " FROM es.event e WHERE e.type = ANY($1::text[]) GROUP BY 1, 2, 3",
        sorted(set(_FIRST_EVENT.values())),
    )
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row["tenant_id"], row["command"]][row["type"]] = row["n"]
    return found


def _in_portions(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while portion := list(islice(left, _AT_ONCE)):
        yield portion
