"""Rows 10 to 12, 15 to 18, 26, 28 and 31: the database restarts, crashes, is full, is far away, or is held up."""

import asyncio
import random
import time
from typing import Any

import asyncpg
import msgspec
from support.eventually import eventually

from faults.client import Client, a_dispute, an_invoice
from faults.deployment import Deployment
from faults.history import MissingAnswer, SentRequest
from faults.proxy import Weather

SOON_S = 30.0


async def one_after_the_other(company: Client, count: int, begin: int = 0) -> list[int]:
    """A person who opens disputes, each when the one before is answered; the final statuses."""
    return [(await company.open_dispute(f"U-{number}", "10.00")).status for number in range(begin, begin + count)]


async def disputes_of(company: Client) -> int:
    return len((await company.get("dispute", "/v1/disputes", limit=200))["items"])


async def test_row_10_an_orderly_restart_of_the_database_costs_clients_no_more_than_a_repetition(
    deployment: Deployment, company: Client
) -> None:
    people = [asyncio.create_task(one_after_the_other(company, 8, begin=100 * person)) for person in range(4)]
    await asyncio.sleep(0.3)  # somewhere in the middle
    await deployment.restart_database()
    assert [await each for each in people] == [[201] * 8] * 4
    assert await disputes_of(company) == 32


async def test_row_11_twenty_crashes_of_the_database_in_a_row_lose_and_double_nothing(
    deployment: Deployment, company: Client
) -> None:
    """Each comes when somebody was served after the one before: there is always something under way."""
    stop, served = asyncio.Event(), [0, 0, 0, 0]

    async def works(person: int) -> None:
        while not stop.is_set():
            number = 1_000 * person + served[person]
            assert (await company.open_dispute(f"U-{number}", "10.00")).status == 201
            served[person] += 1

    people = [asyncio.create_task(works(person)) for person in range(4)]
    for _ in range(20):
        before = sum(served)

        async def somebody_was_served(before: int = before) -> bool:
            return sum(served) > before or any(person.done() for person in people)

        await eventually(somebody_was_served, SOON_S)
        await deployment.crash_database()
    stop.set()
    await asyncio.gather(*people)
    assert sum(served) >= 20
    await deployment.comes_to_rest()
    async with deployment.database("dispute") as connection:
        opened = await connection.fetchval(
            "SELECT count(*) FROM es.event WHERE tenant_id = $1 AND type = 'dispute-opened'", company.tenant
        )
    assert opened == sum(served)


async def test_row_12_a_connection_that_breaks_after_the_commit_was_sent_leaves_one_effect(
    deployment: Deployment, company: Client
) -> None:
    """The append reaches the database and commits; its reply does not come back."""
    way = deployment.blueprint.databases["dispute"]
    for number in range(3):
        before = way.cuts
        way.cut_after_forwarding(lambda chunk: b"dispute-opened" in chunk)
        answer = await company.open_dispute(f"U-{number}", "10.00")
        assert (answer.status, way.cuts - before) == (201, 1)
    assert await disputes_of(company) == 3


async def test_row_12_a_session_ended_in_the_middle_of_its_append_leaves_one_effect(
    deployment: Deployment, company: Client
) -> None:
    """Held up inside the statement by a lock, then ended by an administrator."""
    async with deployment.database("dispute") as connection:
        await connection.execute("BEGIN; LOCK TABLE es.command IN EXCLUSIVE MODE")
        opening = asyncio.create_task(company.open_dispute("U-1", "10.00"))

        async def ended() -> bool:
            return bool(
                await connection.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = 'dispute' AND usename = 'dispute_api' AND wait_event_type = 'Lock'"
                )
            )

        await eventually(ended, SOON_S)
        await connection.execute("ROLLBACK")
    assert (await opening).status == 201
    assert await disputes_of(company) == 1


async def test_row_15_without_a_free_connection_clients_are_told_to_come_again_and_are_served_later(
    deployment: Deployment, company: Client
) -> None:
    async with deployment.database("postgres") as superuser:
        dsn = deployment.blueprint.server.dsn("dispute", "dispute_owner")
        held = await _as_many_as_come(dsn)
        assert len(held) > 10
        try:
            await superuser.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dispute_api'"
            )
            held += await _as_many_as_come(dsn)
            raw = msgspec.json.encode(a_dispute(company.tenant, "U-1", "10.00"))
            key = company.new_key()
            refused = await company.attempt("dispute", "/v1/disputes", raw, role="analyst", key=key)
            assert refused is not None
            assert (refused.status, "retry-after" in refused.headers) == (503, True)
        finally:
            await asyncio.gather(*(connection.close() for connection in held))
    answer = await company.post("dispute", "/v1/disputes", a_dispute(company.tenant, "U-1", "10.00"), key=key)
    assert answer.status == 201
    assert await disputes_of(company) == 1


async def _as_many_as_come(dsn: str) -> list[asyncpg.Connection]:
    held: list[asyncpg.Connection] = []
    try:
        while len(held) < 200:
            held.append(await asyncpg.connect(dsn))
    except (asyncpg.TooManyConnectionsError, asyncpg.PostgresError):
        pass
    return held


async def test_row_16_a_transaction_that_is_forgotten_open_holds_up_nobody(
    deployment: Deployment, company: Client
) -> None:
    """Writing, in the same database and in another one of the cluster, and reading as a long dump does."""
    async with (
        deployment.database("dispute") as here,
        deployment.database("collections") as there,
        deployment.database("dispute") as dump,
    ):
        await here.execute(
            "CREATE TABLE IF NOT EXISTS public.forgotten (n int); BEGIN; INSERT INTO public.forgotten VALUES (1)"
        )
        await there.execute(
            "CREATE TABLE IF NOT EXISTS public.forgotten (n int); BEGIN; INSERT INTO public.forgotten VALUES (1)"
        )
        await dump.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM es.event")
        assert (await company.open_dispute("U-1", "10.00")).status == 201
        assert await deployment.comes_to_rest() < 20
        async with deployment.database("notification") as connection:
            assert await connection.fetchval(
                "SELECT count(*) FROM read.heard_event WHERE tenant_id = $1", company.tenant
            )
        for connection in (here, there, dump):
            await connection.execute("ROLLBACK")


async def test_row_17_a_lock_that_is_not_given_back_in_time_is_a_503_and_the_repetition_has_one_effect(
    deployment: Deployment, company: Client
) -> None:
    opened = (await company.open_dispute("U-1", "10.00")).json
    path = f"/v1/disputes/{opened['dispute_id']}/withdraw"
    raw = msgspec.json.encode({"reason": "A mistake of ours."})
    key = company.new_key()
    async with deployment.database("dispute") as blocker:
        await blocker.execute("BEGIN; SELECT FROM es.stream WHERE version > 0 FOR UPDATE")
        refused = await company.attempt("dispute", path, raw, role="analyst", key=key, version=1)
        assert refused is not None
        assert (refused.status, "retry-after" in refused.headers) == (503, True)
        await blocker.execute("ROLLBACK")
    answer = await company.post("dispute", path, {"reason": "A mistake of ours."}, key=key, version=1)
    assert (answer.status, answer.json["version"]) == (200, 2)


async def test_row_18_a_thousand_requests_that_are_broken_off_leave_no_session_at_work(
    deployment: Deployment, company: Client
) -> None:
    chance = random.Random(18)
    head = "\r\n".join(f"{name}: {value}" for name, value in company._headers("analyst", "{key}", None).items())
    port = deployment.settings.port_of("dispute")

    async def broken_off(number: int) -> None:
        body = msgspec.json.encode(a_dispute(company.tenant, f"U-{number}", "1.00")).decode()
        key = f"{company.tenant}-broken-{number}"
        lines = head.replace("{key}", key)
        sent: dict[str, Any] = {"key": key, "tenant": company.tenant, "service": "dispute", "attempt": 1}
        deployment.history.add(SentRequest(method="POST", path="/v1/disputes", body=body, **sent))
        deployment.history.add(MissingAnswer(error="broken off", **sent))
        request = f"POST /v1/disputes HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\n{lines}\r\n\r\n{body}"
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode())
        await asyncio.sleep(chance.uniform(0.0, 0.03))
        writer.transport.abort()

    for start in range(0, 1_000, 40):
        await asyncio.gather(*(broken_off(number) for number in range(start, start + 40)))

    async def calm() -> bool:
        async with deployment.database("dispute") as connection:
            active = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'dispute_api'"
                " AND (state = 'active' OR state LIKE 'idle in transaction%')"
            )
        return bool(active == 0)

    await eventually(calm, SOON_S)
    async with deployment.database("dispute") as connection:
        sessions = await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = 'dispute_api'")
        doubled = await connection.fetchval(
            "SELECT count(*) FROM (SELECT FROM read.dispute_current WHERE tenant_id = $1 GROUP BY invoice_ids"
            " HAVING count(*) > 1) x",
            company.tenant,
        )
    assert sessions <= 20
    assert doubled == 0


async def test_row_26_a_service_cut_off_from_its_database_for_half_a_minute_says_so_and_goes_on_when_it_is_back(
    deployment: Deployment, company: Client
) -> None:
    assert (await company.open_dispute("U-1", "10.00")).status == 201
    way = deployment.blueprint.databases["dispute"]
    begun = time.monotonic()
    way.partition()
    raw = msgspec.json.encode(a_dispute(company.tenant, "U-2", "10.00"))
    key = company.new_key()
    refused = await company.attempt("dispute", "/v1/disputes", raw, role="analyst", key=key)
    assert refused is None or (refused.status, "retry-after" in refused.headers) == (503, True)

    async def no_locks_left() -> bool:
        async with deployment.database("dispute") as connection:
            return not await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'dispute%'"
                " AND (state LIKE 'idle in transaction%' OR state = 'active')"
            )

    await eventually(no_locks_left, SOON_S)  # while it is still cut off: the database ends what nobody comes back to
    await asyncio.sleep(max(0.0, begun + 30.0 - time.monotonic()))
    way.heal()
    answer = await company.post("dispute", "/v1/disputes", a_dispute(company.tenant, "U-2", "10.00"), key=key)
    assert answer.status == 201
    assert await disputes_of(company) == 2


async def test_row_26_only_the_replies_of_the_database_are_lost_and_every_command_has_one_effect(
    deployment: Deployment, company: Client
) -> None:
    way = deployment.blueprint.databases["dispute"]
    working = asyncio.create_task(one_after_the_other(company, 3))
    await asyncio.sleep(0.05)
    way.partition(requests=False)
    await asyncio.sleep(2.0)  # the network is bad for that long
    way.heal()
    assert await working == [201] * 3
    assert await disputes_of(company) == 3


async def test_row_28_a_slow_network_with_resets_doubles_and_loses_nothing(
    deployment: Deployment, company: Client
) -> None:
    for way in deployment.blueprint.databases.values():
        way.weather = Weather(delay_s=(0.0, 0.1), resets=0.02)
    people = [asyncio.create_task(one_after_the_other(company, 3, begin=100 * person)) for person in range(4)]
    assert [await each for each in people] == [[201] * 3] * 4
    await company.erp(*[an_invoice(company.tenant, f"I-{number}", "10.00") for number in range(10)])
    for way in deployment.blueprint.databases.values():
        way.heal()
    assert await disputes_of(company) == 12
