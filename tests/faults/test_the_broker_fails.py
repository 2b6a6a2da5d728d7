"""Rows 19 to 24 and 27: brokers restart, are lost, are gone for long, cannot be reached; members come and go."""

import asyncio

from support.eventually import eventually

from faults.client import Client, an_invoice
from faults.deployment import Deployment

SOON_S = 60.0


async def heard_by_notification(deployment: Deployment, company: Client) -> int:
    async with deployment.database("notification") as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM read.heard_event WHERE tenant_id = $1 AND type = 'dispute-opened'", company.tenant
        )
    return count


async def unpublished(deployment: Deployment, service: str) -> int:
    async with deployment.database(service) as connection:
        count: int = await connection.fetchval(
            "SELECT h.seq - c.seq FROM es.log_head h, es.consumer c WHERE c.name = 'relay'"
        )
    return count


async def all_heard(deployment: Deployment, company: Client, count: int) -> None:
    async def probe() -> bool:
        assert await heard_by_notification(deployment, company) == count
        return True

    await eventually(probe, SOON_S)


async def test_row_19_a_broker_that_restarts_is_noticed_by_nobody_but_the_lag(
    deployment: Deployment, company: Client
) -> None:
    await company.open_dispute("U-1", "10.00")
    await deployment.stop_broker(1)
    await company.open_dispute("U-2", "10.00")
    await all_heard(deployment, company, 2)
    await deployment.start_broker(1)
    await company.open_dispute("U-3", "10.00")
    await all_heard(deployment, company, 3)


async def test_rows_20_to_22_without_one_two_and_all_brokers_commands_are_taken_and_everything_arrives_afterwards(
    deployment: Deployment, company: Client
) -> None:
    """One is lost for as long as the test lasts: work goes on. Two and three are lost: only the log grows."""
    await deployment.kill_broker(3)
    for number in range(5):
        assert (await company.open_dispute(f"U-{number}", "10.00")).status == 201
    await all_heard(deployment, company, 5)
    await deployment.in_sync(1, 2)
    await deployment.kill_broker(2)
    for number in range(5, 10):
        assert (await company.open_dispute(f"U-{number}", "10.00")).status == 201
    await deployment.kill_broker(1)
    opened = await asyncio.gather(*(company.open_dispute(f"U-{number}", "10.00") for number in range(10, 100)))
    assert {answer.status for answer in opened} == {201}
    for start in range(0, 5_000, 500):
        invoices = [an_invoice(company.tenant, f"I-{number}", "10.00") for number in range(start, start + 500)]
        assert set(await company.erp(*invoices)) == {"accepted"}
    assert await heard_by_notification(deployment, company) < 100
    assert await unpublished(deployment, "collections") >= 5_000
    await asyncio.gather(deployment.start_broker(1), deployment.start_broker(2))
    await all_heard(deployment, company, 100)
    await deployment.start_broker(3)
    await deployment.comes_to_rest()


async def test_row_24_workers_that_come_and_go_all_the_time_apply_everything_once(
    deployment: Deployment, company: Client
) -> None:
    """A second worker of the same name joins and leaves again and again: each time the first one is fenced off."""
    for round_ in range(3):
        async with deployment.second_worker("notification"):
            for number in range(4):
                assert (await company.open_dispute(f"U-{round_}-{number}", "10.00")).status == 201
            await asyncio.sleep(0.5)  # some rounds end before the second has joined, some after
    await deployment.restart_process("notification-worker")
    await all_heard(deployment, company, 12)


async def test_row_27_a_worker_that_cannot_reach_the_brokers_goes_on_where_it_was_when_it_can(
    deployment: Deployment, company: Client
) -> None:
    """First nothing gets through in either direction, then only the brokers' replies are lost."""
    for replies_only in (False, True):
        for way in deployment.blueprint.brokers:
            way.partition(requests=not replies_only)
        for number in range(3):
            assert (await company.open_dispute(f"U-{replies_only}-{number}", "10.00")).status == 201
        await asyncio.sleep(2.0)  # the network is bad for that long
        for way in deployment.blueprint.brokers:
            way.heal()
    await all_heard(deployment, company, 6)
