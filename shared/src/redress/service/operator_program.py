"""The commands of a service's program by which a person repairs what has stopped. Every change needs a reason."""

import asyncio
import functools
import sys
from collections.abc import Callable
from typing import Annotated, ParamSpec, Protocol, TypeVar
from uuid import UUID

import typer

from redress.eventlog.log import LogUnavailable
from redress.eventlog.vault import Vault
from redress.messaging.port import BrokerUnavailable
from redress.messaging.source import SourceError
from redress.ops import operations
from redress.ops.operations import MAX_REASON, OperationOrder
from redress.projections.database import DatabaseGone
from redress.service import operating
from redress.service.operating import DATABASE_TROUBLE, Consumers, OperationRefused

P = ParamSpec("P")
T = TypeVar("T")

Reason = Annotated[
    str, typer.Option("--reason", help=f"why; kept for ever, at most {MAX_REASON} characters, no personal data")
]
Operator = Annotated[
    str | None, typer.Option("--operator", help="who does this; the user of the operating system if not given")
]
Consumer = Annotated[str, typer.Argument(help="a name of the column `consumer` of `parked list`")]
Yes = Annotated[bool, typer.Option("--yes", help="do it; without this the command only says what it would do")]

_TROUBLE: tuple[type[Exception], ...] = (
    OperationRefused,
    SourceError,
    DatabaseGone,
    LogUnavailable,
    BrokerUnavailable,
    *DATABASE_TROUBLE,
)


class OperatedService(Protocol):
    """The service as the operators' commands need it. Each answer reads the settings it needs, or ends the program."""

    @property
    def name(self) -> str: ...

    @property
    def rebuildable(self) -> tuple[str, ...]: ...

    def owner_dsn(self) -> str: ...

    def vault(self) -> tuple[str, bytes]:
        """Address and master key."""
        ...

    def consumers(self) -> Consumers: ...


def add_operator_commands(program: typer.Typer, service: OperatedService) -> None:
    """erase, parked, drop-old, epoch, operations. Exit code 0: done; 1: refused or not all done; 2: wrongly called."""
    program.command("erase")(_erase(service))
    program.command("drop-old")(_drop_old(service))
    program.add_typer(_parked(service), name="parked")
    program.add_typer(_epoch(service), name="epoch")
    program.add_typer(_operations(service), name="operations")


def _erase(service: OperatedService) -> Callable[..., None]:
    @_in_one_line
    def erase(  # noqa: PLR0917 - options, which are named
        tenant: Annotated[str, typer.Option("--tenant", help="the company whose data it is")],
        reason: Reason,
        customer: Annotated[str | None, typer.Option("--customer", help="the customer's number")] = None,
        email: Annotated[str | None, typer.Option("--email", help="a contact's or a colleague's address")] = None,
        erp_source: Annotated[
            str | None, typer.Option("--erp-source", help="kept messages of this source that name no customer")
        ] = None,
        person: Annotated[str | None, typer.Option("--person", help="the name of the key itself")] = None,
        operator: Operator = None,
        yes: Yes = False,
    ) -> None:
        """Delete a person's key: names, addresses, free text and kept messages under it can never be read again."""
        address, master_key = service.vault()
        names: list[Callable[[Vault], str]] = [
            *([lambda _: f"customer:{customer}"] if customer else []),
            *([lambda vault: vault.person_of_email(tenant, email)] if email else []),
            *([lambda _: f"erp:{erp_source}"] if erp_source else []),
            *([lambda _: person] if person else []),
        ]
        if len(names) != 1:
            raise typer.BadParameter("name exactly one of --customer, --email, --erp-source and --person")

        async def run() -> str:
            async with Vault.open_at(address, master_key) as vault:
                name = names[0](vault)
                _ask(yes, f"what is sealed under {name} in {tenant} can never be read again, in any service")
                order = _order(operator, "erase", reason, tenant=tenant, person=name)
                await operating.erase(service.owner_dsn(), vault, tenant, name, order)
                return name

        name = asyncio.run(run())
        print(f"{name} is erased in {tenant}; processes that run forget the key within a minute")

    return erase


def _parked(service: OperatedService) -> typer.Typer:
    parked = typer.Typer(
        no_args_is_help=True, help="Events that a consumer could not apply, and what waits behind them."
    )

    @parked.command("list")
    @_in_one_line
    def list_parked(
        consumer: Annotated[str | None, typer.Option("--consumer", help="of this consumer only")] = None,
    ) -> None:
        """Everything that is parked, the oldest first. Exit code 1 if there is anything."""
        found = asyncio.run(operating.parked_events(service.owner_dsn(), consumer))
        for each in found:
            since = each.parked_at.isoformat(timespec="seconds")
            print(
                f"{each.consumer} {each.seq} stream {each.stream} of {each.tenant or '-'} since {since}, "
                f"{each.attempts} tries: {each.error}"
            )
        if found:
            raise typer.Exit(1)
        print("nothing is parked")

    @parked.command()
    @_in_one_line
    def show(consumer: Consumer, seq: Annotated[int, typer.Argument(help="the event's position")]) -> None:
        """One parked event: where it stands, its last error, and what it says."""
        row, told = asyncio.run(operating.parked_event(service.owner_dsn(), service.consumers(), consumer, seq))
        lines = {
            "consumer": row.consumer,
            "position": f"{row.seq} of shard {row.shard}",
            "stream": str(row.stream),
            "tenant": row.tenant or "-",
            "parked": row.parked_at.isoformat(timespec="seconds"),
            "tries": str(row.attempts),
            "error": row.error,
            **told,
        }
        for name, text in lines.items():
            print(f"{name:<10}{text}")

    @parked.command()
    @_in_one_line
    def release(
        consumer: Consumer,
        reason: Reason,
        stream: Annotated[UUID | None, typer.Argument(help="of this stream only")] = None,
        operator: Operator = None,
    ) -> None:
        """Try parked events again, in order, each once. A stream that fails again stays parked: exit code 1."""
        arguments = {"consumer": consumer} | ({"stream": str(stream)} if stream else {})
        order = _order(operator, "parked release", reason, **arguments)
        done = asyncio.run(operating.release(service.owner_dsn(), service.consumers(), consumer, stream, order))
        print(f"{done.applied} applied, {done.remaining} still parked")
        if done.remaining:
            raise typer.Exit(1)

    @parked.command()
    @_in_one_line
    def discard(
        consumer: Consumer,
        seq: Annotated[int, typer.Argument(help="the position of the oldest parked event of its stream")],
        reason: Reason,
        operator: Operator = None,
        yes: Yes = False,
    ) -> None:
        """Give up one event: this consumer will never apply it. The events behind it stay parked; release them then."""
        _ask(yes, f"{consumer} will never apply event {seq}, and nothing makes up for it but a rebuild")
        order = _order(operator, "parked discard", reason, consumer=consumer, seq=str(seq))
        gone = asyncio.run(operating.discard(service.owner_dsn(), consumer, seq, order))
        print(f"{consumer} has given up event {seq} of stream {gone.stream}")

    return parked


def _drop_old(service: OperatedService) -> Callable[..., None]:
    @_in_one_line
    def drop_old(
        projection: Annotated[str, typer.Argument(help=" or ".join(service.rebuildable))],
        reason: Reason,
        operator: Operator = None,
    ) -> None:
        """Drop the tables that the last rebuild of a read model has replaced."""
        if projection not in service.rebuildable:
            raise typer.BadParameter(f"{projection} is none of {', '.join(service.rebuildable)}")
        order = _order(operator, "drop-old", reason, projection=projection)
        dropped = asyncio.run(operating.drop_old(service.owner_dsn(), projection, order))
        print(f"the old tables of {projection} are dropped" if dropped else f"{projection} has no old tables")

    return drop_old


def _epoch(service: OperatedService) -> typer.Typer:
    epoch = typer.Typer(no_args_is_help=True, help="After a database was restored: the runbook says in which order.")

    @epoch.command()
    @_in_one_line
    def declare(reason: Reason, operator: Operator = None, yes: Yes = False) -> None:
        """Say that this service's database was restored. API and worker must be stopped."""
        _ask(yes, f"every follower of {service.name} stops until it accepts the new epoch")
        order = _order(operator, "epoch declare", reason)
        declared = asyncio.run(operating.declare_epoch(service.owner_dsn(), order))
        print(f"{service.name} is in epoch {declared.epoch} from position {declared.head}; its followers need:")
        print(
            f"epoch accept <consumer>:{service.name} --epoch {declared.epoch} --head {declared.head} --reason … --yes"
        )

    @epoch.command()
    @_in_one_line
    def accept(
        consumer: Annotated[str, typer.Argument(help="<consumer>:<followed service>, as in es.consumer")],
        *,
        epoch: Annotated[str, typer.Option("--epoch", help="the epoch that was declared there")],
        head: Annotated[int, typer.Option("--head", help="the position that was declared there")],
        reason: Reason,
        operator: Operator = None,
        yes: Yes = False,
    ) -> None:
        """Let a consumer go on in the new epoch of the service it follows, if it has applied nothing that is lost."""
        _ask(yes, f"{consumer} follows epoch {epoch} from now on, and stops if that was never declared")
        order = _order(operator, "epoch accept", reason, consumer=consumer, epoch=epoch, head=str(head))
        position = asyncio.run(operating.accept_epoch(service.owner_dsn(), consumer, epoch, head, order))
        print(f"{consumer} goes on from position {position} in epoch {epoch}, within a minute")

    return epoch


def _operations(service: OperatedService) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help="What operators did by hand, and why.")

    @group.command("list")
    @_in_one_line
    def list_operations(
        last: Annotated[int, typer.Option("--last", min=1, max=10_000, help="how many")] = 50,
        command: Annotated[str | None, typer.Option("--command", help='one command only, "parked release" say')] = None,
    ) -> None:
        """The last operations, the newest first. `begun` was cut off, or is still running."""

        async def run() -> list[operations.Operation]:
            async with operating.owning(service.owner_dsn()) as connection:
                return await operations.latest(connection, last, command)

        for each in asyncio.run(run()):
            order = each.order
            arguments = "".join(f" {name}={value}" for name, value in order.arguments.items())
            print(
                f"{each.at.isoformat(timespec='seconds')} {order.operator}: {order.command}{arguments}; "
                f"{each.outcome}; reason: {order.reason}"
            )

    @group.callback()
    def _group() -> None:
        """Keeps `list` a word of its own: typer calls a single command without its name."""

    return group


def _order(operator: str | None, command: str, reason: str, **arguments: str) -> OperationOrder:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= MAX_REASON:
        raise typer.BadParameter(f"--reason must have 1 to {MAX_REASON} characters")
    return OperationOrder(
        operator=(operator or "").strip() or operations.os_user(), command=command, arguments=arguments, reason=reason
    )


def _ask(yes: bool, what: str) -> None:
    if not yes:
        raise OperationRefused(f"nothing was done. With --yes: {what}")


def _in_one_line(command: Callable[P, T]) -> Callable[P, T]:
    """Say what went wrong in one line on standard error, and end with 1."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except _TROUBLE as failure:
            text = " ".join(str(failure).split()) or type(failure).__name__
            print(text, file=sys.stderr)
            raise typer.Exit(1) from None

    return run
