"""Publishing a resolution matrix."""

import msgspec

from dispute_service.routing.commands import MatrixCommand
from dispute_service.routing.decisions import decide
from dispute_service.routing.document import matrix_document
from dispute_service.routing.matrix import ResolutionMatrix
from dispute_service.routing.stream import MATRIX, matrix_stream
from redress.handling.command import CommandContext
from redress.handling.command_runner import CommandJob
from redress.handling.unit_of_work import UnitOfWork


async def handle(uow: UnitOfWork, command: MatrixCommand) -> ResolutionMatrix:
    """The matrix in force afterwards. Refusals: those of the matrix."""
    stream = matrix_stream(uow.tenant)
    return uow.record(MATRIX, stream, decide(command, await uow.state(MATRIX, stream)))


def publishing(context: CommandContext, command: MatrixCommand) -> CommandJob:
    """Answered with the matrix in force."""
    stream = matrix_stream(context.tenant)

    async def work(uow: UnitOfWork) -> bytes:
        return msgspec.json.encode(matrix_document(await handle(uow, command)))

    return CommandJob(work=work, status=201, writes={stream: MATRIX}, stream=stream)
