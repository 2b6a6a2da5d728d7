from collections.abc import Sequence
from uuid import UUID

from support.collections_office import Office, dispute_event, invoice, payment

from collections_service.dispute_holds import reactor
from collections_service.service import NAME
from redress.eventlog.connections import Connection
from redress.eventlog.events import AppendResult, CommandRecord, StreamWrite
from redress.handling.reactor import Reactor


class RacedLog:
    """Somebody else appends to the same invoice between the reactor's reading and its append."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._raced = False

    async def append_on(
        self,
        connection: Connection,
        tenant_id: str,
        writes: Sequence[StreamWrite],
        command: CommandRecord | None = None,
    ) -> AppendResult:
        if not self._raced:
            self._raced = True
            await self._office.accepted(payment(amount="900.00"))
        return await self._office.worker_log.append_on(connection, tenant_id, writes, command)


async def test_a_payment_at_the_same_moment_is_taken_into_account(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2"))
    event = dispute_event("dispute-opened", version=1, open={"INV-1": 30_000, "INV-2": 10_000})

    async with office.worker.acquire() as connection, connection.transaction():
        holds = Reactor(reactor.NAME, NAME, RacedLog(office), reactor.react, prepare=reactor.prepare)
        await holds.apply(connection, [event])

    shown = await office.get("/v1/invoices/INV-1")
    assert (shown["open"]["amount"], shown["disputed"]["amount"]) == ("100.00", "100.00")
    assert (await office.get("/v1/invoices/INV-2"))["disputed"]["amount"] == "100.00"


async def test_several_events_of_one_dispute_in_one_batch_are_taken_in_order(office: Office) -> None:
    await office.accepted(invoice())

    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}),
        dispute_event("dispute-amount-reduced", version=2, open={"INV-1": 20_000}, cause="paid"),
        dispute_event("dispute-withdrawn", version=3, open={"INV-1": 0}),
    )

    history = await office.log.read_stream("demo", (await stream_of(office)))
    assert [event.type for event in history] == [
        "invoice-registered",
        "dispute-reported",
        "hold-placed",
        "dispute-reported",
        "hold-reduced",
        "dispute-reported",
        "hold-released",
    ]


async def stream_of(office: Office) -> UUID:
    stream: UUID = await office.worker.fetchval("SELECT stream_id FROM read.invoice_current WHERE invoice_id = 'INV-1'")
    return stream


async def test_a_dispute_in_another_currency_than_the_invoice_holds_nothing_and_stops_nobody(office: Office) -> None:
    await office.accepted(invoice(), invoice("INV-2"))

    await office.hear(
        dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}, currency="USD", name="wrong"),
        dispute_event("dispute-opened", version=1, open={"INV-2": 10_000}),
    )

    (held,) = (await office.get("/v1/holds"))["items"]
    assert held["invoice_id"] == "INV-2"


async def test_an_item_that_is_not_of_the_invoice_claims_nothing(office: Office) -> None:
    await office.accepted(invoice())
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 30_000}))

    await office.hear(
        dispute_event("dispute-mismatch-found", version=2, open={"INV-1": 30_000}, rejected=10_000, mismatch="customer")
    )

    assert (await office.get("/v1/holds"))["items"] == []
    assert (await office.get("/v1/recovery-tasks"))["items"] == []
