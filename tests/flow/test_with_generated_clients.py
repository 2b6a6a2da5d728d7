"""One dispute from its invoice to its settlement, told through generated clients only: no hand-written request."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from types import ModuleType
from typing import Any

import pytest
from support.company import Company
from support.eventually import eventually
from support.generated_clients import Clients, generated_clients

TODAY = datetime.now(UTC).date()  # noqa: TID251 - the stack runs on the real clock
SOON_S = 15.0
EMAIL = "erika@generated.example"


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with generated_clients(tmp_path_factory.mktemp("clients")) as made:
        yield made


@dataclass
class Caller:
    """Calls one service's operations with one role's token."""

    service: str
    clients: Clients
    client: Any

    @property
    def models(self) -> ModuleType:
        return self.clients.module(self.service, "models")

    async def __call__(self, operation: str, *path: str, **given: Any) -> Any:  # noqa: ANN401 - generated
        """The parsed answer: a model of its own for every success, and Problem for a refusal."""
        module = self.clients.operations(self.service)[operation]
        return await module.asyncio(*path, client=self.client, **given)

    async def command(self, operation: str, dispute: Any, body: Any, **given: Any) -> Any:  # noqa: ANN401 - generated
        """On the version of the dispute that was seen."""
        version = f'"{dispute.version}"'
        return await self(
            operation, dispute.dispute_id, body=body, if_match=version, idempotency_key=f"gen-{next(_keys)}", **given
        )


_keys = count(1)


class Callers:
    def __init__(self, company: Company, clients: Clients, opened: AsyncExitStack) -> None:
        self._company, self._clients, self._opened = company, clients, opened

    async def as_(self, role: str, service: str) -> Caller:
        name = f"{service}-service"
        token = self._company._auth(role)["Authorization"].removeprefix("Bearer ")
        client = self._clients.module(name, "client").AuthenticatedClient(
            base_url=self._company.urls[service],
            token=token,
            raise_on_unexpected_status=True,
            httpx_args={"trust_env": False},
        )
        return Caller(name, self._clients, await self._opened.enter_async_context(client))


@pytest.fixture
async def callers(company: Company, clients: Clients) -> AsyncIterator[Callers]:
    async with AsyncExitStack() as opened:
        yield Callers(company, clients, opened)


@pytest.mark.parametrize("stack", ["feed"], indirect=True)
async def test_a_dispute_is_opened_decided_credited_and_settled_by_generated_clients(callers: Callers) -> None:
    erp = await callers.as_("erp", "collections")
    collector = await callers.as_("collector", "collections")
    analyst = await callers.as_("analyst", "dispute")
    auditor = await callers.as_("auditor", "notification")

    taken = await erp("post_erp_events", body=[invoice_posted(erp.models)], idempotency_key=f"gen-{next(_keys)}")
    assert isinstance(taken, erp.models.BatchResult)
    assert [item.result for item in taken.items] == ["accepted"]

    of = analyst.models
    opened = await analyst("open_dispute", body=dispute_about(of), idempotency_key=f"gen-{next(_keys)}")
    assert isinstance(opened, of.DisputeDocument)
    assert (opened.status, opened.version, opened.open_.amount) == ("open", 1, "300.00")

    async def held(amount: str | None) -> bool:
        page = await collector("list_holds", customer_id="C-100")
        assert isinstance(page, collector.models.PageHeldInvoice)
        assert [each.held.amount for each in page.items] == ([] if amount is None else [amount])
        return True

    await eventually(lambda: held("300.00"), SOON_S)

    # Before the decision: an acknowledgement that comes after the outcome is not sent any more.
    await the_customer_was_told(auditor, opened.dispute_id, "acknowledgement")

    read = await analyst("read_dispute", opened.dispute_id)
    assert isinstance(read, of.DisputeView)
    assert isinstance(read.contact, of.ContactView)
    assert (read.contact.email, read.contact.language) == (EMAIL, "de")

    assigned = await analyst.command("assign", read, of.AssignBody())
    assert (assigned.status, assigned.team) == ("assigned", "Pricing")
    decided = await analyst.command(
        "decide",
        assigned,
        of.DecideBody(
            valid=eur(of, "100.00"), invalid=eur(of, "200.00"), root_cause="PRICE_MAINTENANCE", rationale="Preisliste"
        ),
    )
    assert isinstance(decided.decision, of.DecisionDocument)
    assert (decided.status, decided.decision.valid.amount) == ("decided", "100.00")

    # Decided on a version that is no more: a problem, typed, with the members that a program acts on.
    stale = await analyst.command("resolve", opened, of.ResolveBody(resolution_code="CREDIT_PARTIAL"))
    assert isinstance(stale, of.Problem)
    assert (stale.code, stale.status, stale["current_version"]) == ("stale_version", 412, decided.version)

    settling = await analyst.command("resolve", decided, of.ResolveBody(resolution_code="CREDIT_PARTIAL"))
    assert (settling.status, settling.awaiting_credit.amount) == ("settling", "100.00")
    await eventually(lambda: held("100.00"), SOON_S)

    taken = await erp("post_erp_events", body=credit_memo_posted(erp.models), idempotency_key=f"gen-{next(_keys)}")
    assert [item.result for item in taken.items] == ["accepted"]

    async def settled() -> bool:
        found = await analyst("read_dispute", opened.dispute_id)
        return bool(found.status == "resolved" and found.open_.amount == "0.00")

    await eventually(settled, SOON_S)
    await eventually(lambda: held(None), SOON_S)

    async def to_collect_again() -> bool:
        tasks = await collector("list_recovery_tasks", customer_id="C-100")
        return [task.amount.amount for task in tasks.items] == ["200.00"]

    await eventually(to_collect_again, SOON_S)

    await the_customer_was_told(auditor, opened.dispute_id, "acknowledgement", "resolution")

    story = await analyst("read_events", opened.dispute_id)
    assert isinstance(story, of.Timeline)
    assert [each.version for each in story.items] == list(range(1, len(story.items) + 1))


async def the_customer_was_told(auditor: Caller, dispute_id: str, *letters: str) -> None:
    """The letters are sent, and the service says why."""

    async def sent() -> list[Any]:
        page = await auditor("list_notifications", dispute_id=dispute_id)
        assert isinstance(page, auditor.models.PageNotificationView)
        status = {each.template: each.status for each in page.items}
        assert {letter: status.get(letter) for letter in letters} == dict.fromkeys(letters, "sent")
        return list(page.items)

    told = await eventually(sent, SOON_S)
    why = await auditor("read_why", event_id=told[0].event_id)
    assert isinstance(why, auditor.models.NoticeExplanation)
    assert why.dispute_id == dispute_id
    assert told[0].id in {each.notification.id for each in why.notifications}


def eur(models: ModuleType, amount: str) -> Any:  # noqa: ANN401 - generated
    return models.MoneyBody(amount=amount, currency="EUR")


def day(from_today: int) -> date:
    return TODAY + timedelta(days=from_today)


def invoice_posted(models: ModuleType) -> Any:  # noqa: ANN401 - generated
    return models.InvoicePosted(
        kind=models.InvoicePostedKind.INVOICE_POSTED,
        source="erp-1",
        source_event_id="posted-INV-1",
        legal_entity="DE01",
        customer=models.CustomerData(id="C-100", name="Muster GmbH", email="kreditoren@muster.example", language="de"),
        invoice_id="INV-1",
        issued_on=day(-40),
        due_on=day(-10),
        currency="EUR",
        total="1000.00",
    )


def credit_memo_posted(models: ModuleType) -> Any:  # noqa: ANN401 - generated
    return models.CreditMemoPosted(
        kind=models.CreditMemoPostedKind.CREDIT_MEMO_POSTED,
        source="erp-1",
        source_event_id="memo-CM-1",
        legal_entity="DE01",
        customer=models.CustomerData(id="C-100", name="Muster GmbH"),
        credit_memo_id="CM-1",
        issued_on=day(0),
        currency="EUR",
        total="100.00",
        applies_to=[models.AllocationData(invoice_id="INV-1", amount="100.00")],
    )


def dispute_about(models: ModuleType) -> Any:  # noqa: ANN401 - generated
    return models.OpenBody(
        customer_id="C-100",
        items=[models.ItemBody(invoice_id="INV-1", amount=eur(models, "300.00"))],
        reason_code="PRICE",
        origin="email",
        description="Der vereinbarte Preis war niedriger.",
        contact=models.ContactBody(name="Erika Mustermann", email=EMAIL, language=models.ContactBodyLanguage.DE),
    )
