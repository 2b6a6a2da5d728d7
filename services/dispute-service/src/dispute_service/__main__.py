"""python -m dispute_service api | worker | migrate | verify | rebuild <projection>"""

import asyncio
import sys
import time
from importlib.metadata import version
from typing import Annotated, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress as Bar

from dispute_service import wiring
from dispute_service.settings import (
    MIGRATIONS,
    NEEDED_BY_API,
    NEEDED_BY_WORKER,
    DisputeSettings,
    OwnerSettings,
    RebuildSettings,
)
from redress.eventlog import verify as verification
from redress.eventlog.migrations import upgrade
from redress.ops.logs import configure_logs
from redress.ops.run import run_api, run_worker
from redress.ops.settings import SettingsError, load_settings
from redress.projections.rebuild import RebuildFailed, RebuildRefused

S = TypeVar("S", bound=OwnerSettings)

cli = typer.Typer(name=wiring.SERVICE, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def api() -> None:
    """Serve the HTTP API."""
    settings = _service(NEEDED_BY_API)
    raise typer.Exit(run_api(wiring.api(settings), settings.host, settings.port))


@cli.command()
def worker() -> None:
    """Follow the own log and collections-service, fire timers, publish to Kafka."""
    settings = _service(NEEDED_BY_WORKER)
    raise typer.Exit(run_worker(lambda: wiring.worker(settings)))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema, as its owner."""
    asyncio.run(upgrade(_owner(), MIGRATIONS))


@cli.command()
def verify() -> None:
    """Recompute every hash chain and the order of the log; ends with 1 and names the first bad position."""
    began = time.perf_counter()
    found = asyncio.run(_verify(_owner()))
    console = Console()
    if found.first_bad is None:
        speed = found.events / max(time.perf_counter() - began, 0.001)
        console.print(
            f"{found.events} events in {found.streams} streams: every chain and the order are intact"
            f" ({speed:,.0f} events/s)"
        )
        return
    bad = found.first_bad
    console.print(
        f"{bad.what}: stream {bad.stream_id}, version {bad.version}, seq {bad.seq} ({found.findings} findings)"
    )
    raise typer.Exit(1)


@cli.command()
def rebuild(
    projection: Annotated[str, typer.Argument(help=" or ".join(each.name for each in wiring.rebuildable()))],
) -> None:
    """Build a read model anew from the first event while the service goes on."""
    names = [each.name for each in wiring.rebuildable()]
    if projection not in names:
        raise typer.BadParameter(f"{projection} is none of {', '.join(names)}")
    settings = _one_shot(RebuildSettings)
    with Bar(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(projection, total=None)
        try:
            done = asyncio.run(
                wiring.rebuild(settings, projection, lambda now: bar.update(task, completed=now.done, total=now.total))
            )
        except (RebuildRefused, RebuildFailed) as reason:
            raise SystemExit(f"{projection} was not rebuilt: {reason}") from None
    rows = ", ".join(f"{table}: {before} rows before, {after} after" for table, (before, after) in done.rows.items())
    Console().print(f"{projection} is rebuilt up to position {done.position} in {done.seconds:.1f} s; {rows}")


async def _verify(dsn: str) -> verification.Verified:
    connection = await asyncpg.connect(dsn, timeout=10.0)
    try:
        with Bar(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("verify", total=None)
            return await verification.verify(
                connection, lambda done, total: bar.update(task, completed=done, total=total)
            )
    finally:
        await connection.close()


def _service(needed: tuple[str, ...]) -> DisputeSettings:
    try:
        settings = load_settings(DisputeSettings, needed)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logs(wiring.SERVICE, version("redress-dispute-service"), settings.log_level)
    return settings


def _owner() -> str:
    return _one_shot(OwnerSettings).owner_database_url.get_secret_value()


def _one_shot(settings: type[S]) -> S:
    try:
        loaded = load_settings(settings)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logs(wiring.SERVICE, version("redress-dispute-service"))
    return loaded


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
