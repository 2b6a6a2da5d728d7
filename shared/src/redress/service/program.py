"""The program of a service, the same for every service: api, worker, migrate, verify, rebuild, operators' commands."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import asyncpg
import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import Progress as Bar
from starlette.applications import Starlette

from redress.assembly import given
from redress.eventlog import verify as verification
from redress.ops.logs import configure_logs
from redress.ops.run import Part, run_api, run_worker
from redress.ops.settings import OwnerSettings, ServiceSettings, Settings, SettingsError, load_settings
from redress.projections.rebuild import Progress, RebuildFailed, RebuildRefused, Rebuilt
from redress.projections.runner import Runner
from redress.service.operator_program import add_operator_commands

S = TypeVar("S", bound=ServiceSettings)
R = TypeVar("R", bound=Settings)
T = TypeVar("T", bound=Settings)


class Service(Struct, Generic[S, R], frozen=True, kw_only=True):
    """What a service gives to its program. `needed_by_…` are optional settings that the process cannot do without.

    `consumers` opens the worker's consumers without running them, to release what they have parked. `rebuildable` are
    the read models that can be built anew from events alone.
    """

    name: str
    distribution: str
    about_worker: str
    migrations: Path
    settings: type[S]
    owner_settings: type[OwnerSettings]
    rebuild_settings: type[R]
    needed_by_api: tuple[str, ...]
    needed_by_worker: tuple[str, ...]
    needed_by_rebuild: tuple[str, ...]
    needed_by_release: tuple[str, ...]
    rebuildable: tuple[str, ...]
    api: Callable[[S], Starlette]
    worker: Callable[[S], AbstractAsyncContextManager[Sequence[Part]]]
    consumers: Callable[[S], AbstractAsyncContextManager[Sequence[Runner[Any]]]]
    rebuild: Callable[[R, str, Callable[[Progress], None]], Awaitable[Rebuilt]]


def service_program(service: Service[S, R]) -> typer.Typer:
    """The program. Missing settings end it with their names; the exit code of verify says whether the log is whole."""
    program = typer.Typer(name=service.name, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    def settings_of(kind: type[T], needed: tuple[str, ...] = (), log_level: Callable[[T], str] | None = None) -> T:
        try:
            settings = load_settings(kind, needed)
        except SettingsError as error:
            raise SystemExit(str(error)) from None
        configure_logs(service.name, version(service.distribution), log_level(settings) if log_level else "INFO")
        return settings

    def owner_dsn() -> str:
        return settings_of(service.owner_settings).owner_database_url.get_secret_value()

    @program.command()
    def api() -> None:
        """Serve the HTTP API."""
        settings = settings_of(service.settings, service.needed_by_api, lambda loaded: loaded.log_level)
        raise typer.Exit(run_api(service.api(settings), settings.host, settings.port))

    @program.command(help=service.about_worker)
    def worker() -> None:
        settings = settings_of(service.settings, service.needed_by_worker, lambda loaded: loaded.log_level)
        raise typer.Exit(run_worker(lambda: service.worker(settings)))

    @program.command()
    def migrate() -> None:
        """Bring the database to the newest schema, as its owner."""
        # Here because every process of the service would wait a third of its start for Alembic and SQLAlchemy.
        from redress.eventlog.migrations import upgrade  # noqa: PLC0415

        asyncio.run(upgrade(owner_dsn(), service.migrations))

    @program.command()
    def verify() -> None:
        """Recompute every hash chain and the order of the log; ends with 1 and names the first bad position."""
        began = time.perf_counter()
        found = asyncio.run(_verify(owner_dsn()))
        speed = found.events / max(time.perf_counter() - began, 0.001)
        read = f"{found.events} events in {found.streams} streams at {speed:,.0f} events/s"
        if found.first_bad is None:
            print(f"{read}: every chain and the order are intact")
            return
        bad = found.first_bad
        where = f"stream {bad.stream_id}, version {bad.version}, seq {bad.seq}"
        print(f"{read}: {found.findings} findings; the first: {where}: {bad.what}")
        raise typer.Exit(1)

    @program.command()
    def rebuild(projection: Annotated[str, typer.Argument(help=" or ".join(service.rebuildable))]) -> None:
        """Build a read model anew from the first event while the service goes on."""
        if projection not in service.rebuildable:
            raise typer.BadParameter(f"{projection} is none of {', '.join(service.rebuildable)}")
        settings = settings_of(service.rebuild_settings, service.needed_by_rebuild)
        with _bar() as bar:
            task = bar.add_task(projection, total=None)
            try:
                done = asyncio.run(
                    _awaited(
                        service.rebuild(
                            settings, projection, lambda now: bar.update(task, completed=now.done, total=now.total)
                        )
                    )
                )
            except (RebuildRefused, RebuildFailed) as reason:
                raise SystemExit(f"{projection} was not rebuilt: {reason}") from None
        rows = ", ".join(f"{name}: {before} rows before, {after} after" for name, (before, after) in done.rows.items())
        print(f"{projection} is rebuilt up to position {done.position} in {done.seconds:.1f} s; {rows}")

    add_operator_commands(program, _Operated(service, settings_of))
    return program


class _Operated(Generic[S, R]):
    """The service as operators' commands see it. Log lines are left out: each command says in words what it did."""

    def __init__(self, service: Service[S, R], settings_of: Callable[..., Any]) -> None:
        self.name, self.rebuildable = service.name, service.rebuildable
        self._service, self._settings_of = service, settings_of

    def owner_dsn(self) -> str:
        settings: OwnerSettings = self._settings_of(self._service.owner_settings, (), _quiet)
        return settings.owner_database_url.get_secret_value()

    def vault(self) -> tuple[str, bytes]:
        settings: S = self._settings_of(self._service.settings, ("vault_database_url",), _quiet)
        return given(settings.vault_database_url), settings.vault_key_bytes

    def consumers(self) -> AbstractAsyncContextManager[Sequence[Runner[Any]]]:
        settings: S = self._settings_of(self._service.settings, self._service.needed_by_release, _quiet)
        return self._service.consumers(settings)


def _quiet(_: Settings) -> str:
    return "CRITICAL"


async def _awaited(rebuilding: Awaitable[Rebuilt]) -> Rebuilt:
    return await rebuilding


async def _verify(dsn: str) -> verification.Verified:
    connection = await asyncpg.connect(dsn, timeout=10.0)
    try:
        with _bar() as bar:
            task = bar.add_task("verify", total=None)
            return await verification.verify(
                connection, lambda done, total: bar.update(task, completed=done, total=total)
            )
    finally:
        await connection.close()


def _bar() -> Bar:
    return Bar(console=Console(stderr=True), disable=not sys.stderr.isatty())
