"""Several processes of the service take commands on the same disputes, each remembering what it has seen."""

from collections.abc import Mapping
from itertools import count
from uuid import UUID

import msgspec
import pytest
from support.disputes import NOW, escalate, open_

from dispute_service.disputes.commands import DisputeCommand
from dispute_service.disputes.handle import changing, opening
from dispute_service.disputes.state import Dispute
from redress.eventlog.events import Actor, CommandInputs
from redress.eventlog.memory import InMemoryEventLog
from redress.handling.command import CommandContext, CommandResult, StaleVersion
from redress.handling.command_runner import CommandRunner
from redress.ids import derived_uuid

DISPUTE = derived_uuid("test", "dispute")
_keys = count(1)


def context(expected: int | None = None) -> CommandContext:
    key = f"k-{next(_keys)}"
    return CommandContext(
        tenant="acme",
        actor=Actor("person", "anna"),
        key=key,
        fingerprint=b"f",
        command_id=key,
        correlation_id="r-1",
        now=NOW,
        expected=expected,
    )


async def opened(runner: CommandRunner) -> None:
    asked = context()
    await runner.run(asked, opening(asked, DISPUTE, open_()))


async def told(runner: CommandRunner, command: DisputeCommand, expected: int | None = None) -> CommandResult:
    async def build(_state: Dispute) -> DisputeCommand:
        return command

    asked = context(expected)
    return await runner.run(asked, changing(asked, DISPUTE, build))


def shown(answered: CommandResult) -> tuple[int, int]:
    document = msgspec.json.decode(answered.body)
    return document["version"], document["escalation_level"]


async def test_what_another_process_did_meanwhile_counts() -> None:
    log = InMemoryEventLog()
    one, other = CommandRunner(log), CommandRunner(log)
    await opened(one)
    assert shown(await told(other, escalate(1), expected=1)) == (2, 1)
    assert shown(await told(one, escalate(2), expected=2)) == (3, 2)
    assert shown(await told(other, escalate(3), expected=3)) == (4, 3)


async def test_a_decision_on_a_version_that_another_process_has_gone_beyond_is_refused() -> None:
    log = InMemoryEventLog()
    one, other = CommandRunner(log), CommandRunner(log)
    await opened(one)
    await told(other, escalate(1), expected=1)
    with pytest.raises(StaleVersion) as refused:
        await told(one, escalate(2), expected=1)
    assert refused.value.actual == 2


async def test_a_dispute_that_was_worked_on_here_is_read_on_from_there_and_not_from_its_beginning() -> None:
    asked: list[int | None] = []

    class Watched(InMemoryEventLog):
        async def read_for_command(self, tenant_id: str, key: str | None, after: Mapping[UUID, int]) -> CommandInputs:
            asked.append(after.get(DISPUTE))
            return await super().read_for_command(tenant_id, key, after)

    handler = CommandRunner(Watched())
    await opened(handler)
    await told(handler, escalate(1))
    await told(handler, escalate(2))
    assert asked == [None, 1, 2]
