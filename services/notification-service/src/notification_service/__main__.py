"""python -m notification_service api | worker | migrate | verify | rebuild <projection>"""

import asyncio
import sys
from importlib.metadata import version
from typing import Annotated

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress as Bar

from notification_service import wiring
from notification_service.settings import (
    MIGRATIONS,
    NEEDED_BY_API,
    NEEDED_BY_REBUILD,
    NEEDED_BY_WORKER,
    NotificationSettings,
    OwnerSettings,
)
from redress.eventlog import verify as verification
from redress.eventlog.migrations import upgrade
from redress.ops.logs import configure_logs
from redress.ops.run import run_api, run_worker
from redress.ops.settings import SettingsError, load_settings
from redress.projections.rebuild import RebuildFailed, RebuildRefused

SERVICE = "notification-service"

cli = typer.Typer(name=SERVICE, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def api() -> None:
    """Serve the HTTP API."""
    settings = _service(NEEDED_BY_API)
    raise typer.Exit(run_api(wiring.api(settings), settings.host, settings.port))


@cli.command()
def worker() -> None:
    """Follow dispute-service, queue notifications and send them."""
    settings = _service(NEEDED_BY_WORKER)
    raise typer.Exit(run_worker(lambda: wiring.worker(settings)))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema, as its owner."""
    asyncio.run(upgrade(_owner(), MIGRATIONS))


@cli.command()
def verify() -> None:
    """Recompute every hash chain and the order of the log; ends with 1 and names the first bad position."""
    found = asyncio.run(_verify(_owner()))
    console = Console()
    if found.first_bad is None:
        console.print(f"{found.events} events in {found.streams} streams: every chain and the order are intact")
        return
    bad = found.first_bad
    console.print(
        f"{bad.what}: stream {bad.stream_id}, version {bad.version}, seq {bad.seq} ({found.findings} findings)"
    )
    raise typer.Exit(1)


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


@cli.command()
def rebuild(projection: Annotated[str, typer.Argument(help=" or ".join(sorted(wiring.REBUILDABLE)))]) -> None:
    """Build a read model anew from the first event while the service goes on; notifications are never made again."""
    if projection not in wiring.REBUILDABLE:
        raise typer.BadParameter(f"{projection} is none of {', '.join(sorted(wiring.REBUILDABLE))}")
    settings = _service(NEEDED_BY_REBUILD)
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


def _service(needed: tuple[str, ...]) -> NotificationSettings:
    try:
        settings = load_settings(NotificationSettings, needed)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logs(SERVICE, version("redress-notification-service"), settings.log_level)
    return settings


def _owner() -> str:
    try:
        settings = load_settings(OwnerSettings)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logs(SERVICE, version("redress-notification-service"))
    return settings.owner_database_url.get_secret_value()


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
