"""Make the simulated company in a running stack: through the public APIs only, and once per data folder.

The day it is made on is written down first, so that a run that was interrupted goes on with the same company; every
message and command has its own key, so that nothing is done twice.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from redress_local.demo_company import (
    LEGAL_ENTITIES,
    Case,
    Company,
    PublishedPolicy,
    ShortPaymentCase,
    Step,
    simulated_company,
)
from redress_local.secrets_file import write_private
from redress_local.stack_client import Refused, StackClient
from redress_local.stack_clock import stack_clock
from redress_local.views import views_are_complete

DEMO_TENANT: Final = "demo"
_FILE: Final = "demo.json"
_WITHIN_S: Final = 60.0
_POLL_S = 0.1


class _DemoRecord(Struct, frozen=True):
    """`day` is the company's today; `complete` once everything was sent and seen."""

    day: date
    complete: bool


class DemoIncomplete(Exception):
    """The demo was sent, but the services do not show it; the message says what is missing."""


async def make_demo(data: Path, client: StackClient, say: Callable[[str], None]) -> None:
    """Nothing happens if it was made before. DemoIncomplete if the views do not show it within a minute."""
    file = data / _FILE
    made = msgspec.json.decode(file.read_bytes(), type=_DemoRecord) if file.exists() else None
    if made is not None and made.complete:
        return
    begun = time.monotonic()
    day = made.day if made is not None else stack_clock(data).now().date()
    write_private(file, msgspec.json.encode(_DemoRecord(day, complete=False)))
    company = simulated_company(day)
    await _Demo(client).make(company)
    write_private(file, msgspec.json.encode(_DemoRecord(day, complete=True)))
    invoices = sum(1 for message in company.business if message["kind"] == "invoice-posted")
    disputes = len(company.cases) + len(company.short_payments)
    took = f"{time.monotonic() - begun:.1f} s"
    say(f"  {'simulated company':<22} {invoices} invoices, {disputes} disputes in {took}  (tenant {DEMO_TENANT})")


class _Demo:
    def __init__(self, client: StackClient) -> None:
        self._client = client

    async def make(self, company: Company) -> None:
        await _together(self._describe(code, body) for code, body in LEGAL_ENTITIES.items())
        await _together(self._publish(each) for each in company.policies)
        await _together(self._record_person(entry, body) for entry, body in company.people.items())
        await self._post("business", company.business)
        cases, short = await asyncio.gather(
            _gathered([self._work(case) for case in company.cases]), self._short_payments(company.short_payments)
        )
        await _together(
            self._take(short[case.invoice_id], f"short-{case.invoice_id}", case.steps)
            for case in company.short_payments
        )
        ids = {case.name: dispute for case, dispute in zip(company.cases, cases, strict=True)}
        of_invoice = {item["invoice_id"]: ids[case.name] for case in company.cases for item in case.opening["items"]}
        await self._post("afterwards", [_naming_disputes(message, of_invoice) for message in company.afterwards])
        for name, at in company.closed_at.items():
            await self._until_status({ids[name]: "resolved"}, or_already="closed")
            await self._take(ids[name], f"{name}-end", [Step(action="close", body={"effective_at": at})])
        await self._until_status({ids[case.name]: case.ends_as for case in company.cases})
        await self._until("ageing and holds", lambda: views_are_complete(self._client))

    async def _publish(self, policy: PublishedPolicy) -> None:
        """A demo that was interrupted and goes on another day leaves a policy out that would count from the past."""
        path, key = f"/v1/policies/{policy.name}", f"demo-{policy.name}"
        draft, scope = policy.draft, {"scope": policy.draft["scope"]}
        await self._client.post(
            policy.service, f"{path}/draft", msgspec.json.encode(draft), f"{key}-draft", role="admin"
        )
        try:
            publish = msgspec.json.encode(scope)
            await self._client.post(policy.service, f"{path}/publish", publish, f"{key}-publish", role="admin")
        except Refused as refused:
            if refused.code != "policy_effective_in_past":
                raise

    async def _describe(self, code: str, body: dict[str, Any]) -> None:
        content, key = msgspec.json.encode(body), f"demo-legal-entity-{code}"
        await self._client.put("collections", f"/v1/legal-entities/{code}", content, key, role="admin")

    async def _record_person(self, entry: str, body: dict[str, str]) -> None:
        content, key = msgspec.json.encode(body), f"demo-directory-{entry}"
        await self._client.put("notification", f"/v1/directory/{entry}", content, key, role="admin")

    async def _post(self, name: str, messages: Sequence[dict[str, Any]]) -> None:
        """Refused items are a mistake of ours: the demo stops and says which."""
        body = msgspec.json.encode(messages)
        answer = (await self._client.post("collections", "/v1/erp/events", body, f"demo-{name}", role="erp")).json()
        wrong = [item for item in answer["items"] if item["result"] == "rejected"]
        if wrong:
            raise DemoIncomplete(f"the ERP's door refused {len(wrong)} items of the demo, the first: {wrong[0]}")

    async def _work(self, case: Case) -> str:
        body = msgspec.json.encode(case.opening)
        opened = await self._client.post("dispute", "/v1/disputes", body, f"demo-{case.name}", role="analyst")
        dispute = str(opened.json()["dispute_id"])
        await self._take(dispute, case.name, case.steps, opened.json()["version"])
        return dispute

    async def _take(self, dispute: str, name: str, steps: Sequence[Step], version: int | None = None) -> None:
        """The steps one after the other, each on the version before it; a step that is taken already is passed."""
        for number, step in enumerate(steps):
            for attempt in range(5):
                version = version if version is not None else await self._version(dispute)
                try:
                    answer = await self._client.post(
                        "dispute",
                        f"/v1/disputes/{dispute}/{step.action}",
                        msgspec.json.encode(step.body),
                        f"demo-{name}-{number}-{version}",
                        role="analyst",
                        subject="demo-analyst",
                        if_match=version,
                    )
                    version = int(answer.json()["version"])
                    break
                except Refused as refused:
                    version = None
                    if refused.code == "action_not_allowed":
                        break  # an earlier run got further
                    if refused.status != 412 or attempt == 4:
                        raise

    async def _version(self, dispute: str) -> int:
        return int((await self._client.get("dispute", f"/v1/disputes/{dispute}")).json()["version"])

    async def _short_payments(self, cases: Sequence[ShortPaymentCase]) -> dict[str, str]:
        """Invoice → the dispute that its short payment opened, when all have been opened."""
        wanted = {case.invoice_id for case in cases}
        found: dict[str, str] = {}

        async def all_opened() -> bool:
            async for dispute in self._client.pages("dispute", "/v1/disputes"):
                if dispute["origin"] == "short_pay":
                    found.update({item["invoice_id"]: dispute["dispute_id"] for item in dispute["items"]})
            return wanted <= found.keys()

        await self._until("disputes of short payments", all_opened)
        return found

    async def _until_status(self, wanted: dict[str, str], or_already: str | None = None) -> None:
        async def all_there() -> bool:
            for dispute, status in list(wanted.items()):
                now = (await self._client.get("dispute", f"/v1/disputes/{dispute}")).json()["status"]
                if now not in {status, or_already}:
                    return False
                del wanted[dispute]
            return True

        await self._until(f"the status of {len(wanted)} disputes", all_there, wanted)

    async def _until(self, what: str, probe: Callable[[], Coroutine[Any, Any, bool]], details: object = "") -> None:
        deadline = time.monotonic() + _WITHIN_S
        while not await probe():
            if time.monotonic() > deadline:
                raise DemoIncomplete(f"{what} did not come within {_WITHIN_S:.0f} s {details or ''}")
            await asyncio.sleep(_POLL_S)


async def _together(steps: Any) -> None:  # noqa: ANN401
    await _gathered(list(steps))


async def _gathered(steps: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(step) for step in steps]
    return [task.result() for task in tasks]


def _naming_disputes(message: dict[str, Any], of_invoice: Mapping[str, str]) -> dict[str, Any]:
    """A credit memo says which dispute it answers; every other message is as it was."""
    if message["kind"] != "credit-memo-posted":
        return message
    parts = [{**part, "dispute": of_invoice.get(part["invoice_id"])} for part in message["applies_to"]]
    return {**message, "applies_to": parts}
