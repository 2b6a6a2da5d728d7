"""python -m collections_service api | worker | migrate | verify | rebuild <projection>"""

import asyncio
import sys
from importlib.metadata import version

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress

from collections_service import wiring
from collections_service.settings import (
    MIGRATIONS,
    NEEDED_BY_API,
    NEEDED_BY_WORKER,
    CollectionsSettings,
    OwnerSettings,
)
from redress.eventlog import verify as verification
from redress.eventlog.migrations import upgrade
from redress.ops.logs import configure_logs
from redress.ops.run import run_api, run_worker
from redress.ops.settings import SettingsError, load_settings

cli = typer.Typer(name=wiring.SERVICE, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@cli.command()
def api() -> None:
    """Serve the HTTP API."""
    settings = _service(NEEDED_BY_API)
    raise typer.Exit(run_api(wiring.api(settings), settings.host, settings.port))


@cli.command()
def worker() -> None:
    """Build the read models, follow dispute-service and the ERP's topics, publish to Kafka."""
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
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("verify", total=None)
            return await verification.verify(
                connection, lambda done, total: progress.update(task, completed=done, total=total)
            )
    finally:
        await connection.close()


def _service(needed: tuple[str, ...]) -> CollectionsSettings:
    try:
        settings = load_settings(CollectionsSettings, needed)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logs(wiring.SERVICE, version("redress-collections-service"), settings.log_level)
    return settings


def _owner() -> str:
    try:
        settings = load_settings(OwnerSettings)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    configure_logs(wiring.SERVICE, version("redress-collections-service"))
    return settings.owner_database_url.get_secret_value()


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
