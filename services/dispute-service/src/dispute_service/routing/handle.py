"""Publishing a resolution matrix, in one unit of work."""

from collections.abc import Callable

import msgspec

from dispute_service.corridor.runner import Answered, Commanded, CommandRunner, Job, must_be_at
from dispute_service.corridor.unit import Unit
from dispute_service.routing.commands import PublishMatrix
from dispute_service.routing.decisions import decide
from dispute_service.routing.matrix import ResolutionMatrix
from dispute_service.routing.stream import MATRIX, matrix_stream


async def publish_matrix(
    runner: CommandRunner, commanded: Commanded, command: PublishMatrix, show: Callable[[ResolutionMatrix], object]
) -> Answered:
    """Publish a resolution matrix; answered with what `show` makes of the one in force."""
    stream = matrix_stream(commanded.tenant)

    async def work(unit: Unit) -> bytes:
        state = await unit.state(MATRIX, stream)
        must_be_at(unit.version(stream), commanded)
        events = decide(command, state, commanded.now)
        return msgspec.json.encode(show(unit.record(MATRIX, stream, events, commanded.meta)))

    return await runner.answer(commanded, Job(status=201, streams={stream: MATRIX}, work=work, stream=stream))
