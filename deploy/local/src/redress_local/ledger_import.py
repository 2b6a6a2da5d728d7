"""`redress import-ledger`: a receivables CSV through the public doors, as an ERP and its users would have done it.

First every invoice, then the disputes, then the payments. Every message carries the row's own identity and every
command a key derived from its content, so that an import that is repeated or was interrupted adds only what is missing.
"""

import asyncio
import csv
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from redress.ids import new_uuid
from redress_local.ledger_file import BadRow, LedgerMapping, Row, dispute_body, invoice_message, payment_message
from redress_local.stack_client import Refused, StackClient
from redress_local.views import views_are_complete

BATCH: Final = 500  # of the 1,000 that the door takes: half as long to wait for a sign of progress
VISIBLE_WITHIN_S: Final = 120.0
_OPENERS = 12  # disputes opened at once
_POLL_S = 0.2
_WORST_FIRST: Final = ("rejected", "waiting", "accepted", "duplicate")


class Progress(Protocol):
    """A progress bar: `phase` begins one with `total` steps, `advance` moves it."""

    def phase(self, name: str, total: int) -> None: ...

    def advance(self, steps: int) -> None: ...


class RowOutcome(Struct):
    """The results of one row's messages."""

    line: int
    results: list[str]
    reasons: list[str]

    @property
    def worst(self) -> str:
        return next((result for result in _WORST_FIRST if result in self.results), "duplicate")


class Report(Struct, frozen=True, kw_only=True):
    """`rows` by what became of them, `messages` by kind and result; `visible`: every view showed it in time."""

    rows: dict[str, int]
    messages: dict[str, dict[str, int]]
    rejected: tuple[BadRow, ...]
    seconds: float
    visible: bool


async def import_ledger(
    client: StackClient, mapping: LedgerMapping, rows: Sequence[Row | BadRow], progress: Progress
) -> Report:
    """Send everything and wait until all views show it. Raises Refused or NotRunning if a service refuses to work."""
    begun = time.monotonic()
    sending = _Import(client, mapping, progress)
    for row in rows:
        if isinstance(row, BadRow):
            sending.outcomes[row.line] = RowOutcome(row.line, ["rejected"], [row.reason])
    readable = [row for row in rows if isinstance(row, Row)]
    await sending.post("invoice", [(row, invoice_message(row, mapping.source)) for row in readable])
    posted = [row for row in readable if not sending.was_rejected(row)]
    disputes = await sending.open_disputes([row for row in posted if row.disputed])
    await sending.post(
        "payment", [(row, payment_message(row, mapping.source)) for row in posted if row.settled_on is not None]
    )
    settled = {disputes[row.line] for row in posted if row.line in disputes and row.settled_on is not None}
    visible = await sending.until_visible(settled)
    outcomes = sorted(sending.outcomes.values(), key=lambda outcome: outcome.line)
    return Report(
        rows={"sent": len(rows), **Counter(outcome.worst for outcome in outcomes)},
        messages={kind: dict(counts) for kind, counts in sending.counts.items()},
        rejected=tuple(
            BadRow(outcome.line, "; ".join(outcome.reasons)) for outcome in outcomes if outcome.worst == "rejected"
        ),
        seconds=time.monotonic() - begun,
        visible=visible,
    )


class _Import:
    def __init__(self, client: StackClient, mapping: LedgerMapping, progress: Progress) -> None:
        self._client = client
        self._source = mapping.source
        self._progress = progress
        self._run = str(new_uuid())
        self.outcomes: dict[int, RowOutcome] = {}
        self.counts: dict[str, Counter[str]] = {}

    def was_rejected(self, row: Row) -> bool:
        return row.line in self.outcomes and self.outcomes[row.line].worst == "rejected"

    async def post(self, kind: str, messages: Sequence[tuple[Row, dict[str, object]]]) -> None:
        """Through the ERP's door, in batches. A batch's key is new for each run: the items know their own identity."""
        self._progress.phase(f"{kind}s", len(messages))
        for start in range(0, len(messages), BATCH):
            batch = messages[start : start + BATCH]
            body = msgspec.json.encode([message for _, message in batch])
            key = f"{self._run}:{hashlib.sha256(body).hexdigest()}"
            answer = (await self._client.post("collections", "/v1/erp/events", body, key, role="erp")).json()
            for item in answer["items"]:
                row = batch[item["index"]][0]
                reason = f"{kind}: {item['reason'] or item['code']}" if item["result"] == "rejected" else None
                self._note(kind, row, item["result"], reason)
            self._progress.advance(len(batch))

    async def open_disputes(self, rows: Sequence[Row]) -> dict[int, str]:
        """One dispute per row; returns its id by the row's line. A refused one is noted as rejected."""
        self._progress.phase("disputes", len(rows))
        opened: dict[int, str] = {}
        waiting = list(reversed(rows))

        async def open_some() -> None:
            while waiting:
                row = waiting.pop()
                body = msgspec.json.encode(dispute_body(row))
                key = f"import:{hashlib.sha256(self._source.encode() + body).hexdigest()}"
                try:
                    answer = await self._client.post("dispute", "/v1/disputes", body, key, role="erp")
                except Refused as refused:
                    self._note("dispute", row, "rejected", f"dispute: {refused.detail}")
                else:
                    opened[row.line] = answer.json()["dispute_id"]
                    replayed = answer.headers.get("Idempotent-Replayed") == "true"
                    self._note("dispute", row, "duplicate" if replayed else "accepted", None)
                self._progress.advance(1)

        async with asyncio.TaskGroup() as group:
            for _ in range(_OPENERS):
                group.create_task(open_some())
        return opened

    async def until_visible(self, settled: set[str]) -> bool:
        """Wait until the disputes of settled invoices are resolved and hold nothing, and the ledger shows it all."""
        self._progress.phase("visible in every view", len(settled) + 1)
        shown = 0
        deadline = time.monotonic() + VISIBLE_WITHIN_S
        while time.monotonic() < deadline:
            pending = await self._unresolved(settled) or await self._holding(settled)
            self._progress.advance(len(settled) - len(pending) - shown)
            shown = len(settled) - len(pending)
            if not pending and await views_are_complete(self._client):
                self._progress.advance(1)
                return True
            await asyncio.sleep(_POLL_S)
        return False

    async def _unresolved(self, disputes: set[str]) -> set[str]:
        found: set[str] = set()
        for status in ("open", "assigned", "investigating", "awaiting_customer", "awaiting_internal", "decided"):
            found |= {d["dispute_id"] async for d in self._client.pages("dispute", "/v1/disputes", status=status)}
        return found & disputes

    async def _holding(self, disputes: set[str]) -> set[str]:
        found: set[str] = set()
        async for held in self._client.pages("collections", "/v1/holds"):
            found |= {dispute["dispute_id"] for dispute in held["disputes"]}
        return found & disputes

    def _note(self, kind: str, row: Row, result: str, reason: str | None) -> None:
        self.counts.setdefault(kind, Counter())[result] += 1
        outcome = self.outcomes.setdefault(row.line, RowOutcome(row.line, [], []))
        outcome.results.append(result)
        if reason is not None:
            outcome.reasons.append(reason)


def write_rejected(path: Path, rejected: Iterable[BadRow]) -> None:
    """A CSV of line numbers and reasons, for correcting the file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "reason"])
        writer.writerows((row.line, row.reason) for row in rejected)
