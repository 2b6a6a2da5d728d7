"""The program of a service, the same for every service: api, worker, openapi, migrate, verify, rebuild,
operators' commands."""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.progress import Progress as Bar

from redress.eventlog import verify as verification
from redress.ops.logs import configure_logs
from redress.ops.run import run_api, run_worker
from redress.ops.settings import (
    OwnerSettings,
    RebuildSettings,
    ServiceSettings,
    Settings,
    SettingsError,
    load_settings,
    prefixed,
)
from redress.projections.rebuild import RebuildFailed, RebuildRefused
from redress.projections.runner import Runner
from redress.service import composition
from redress.service.connections import required
from redress.service.feature import Service
from redress.service.operator_program import add_operator_commands

T = TypeVar("T", bound=Settings)

OpenConsumers = Callable[[Service[Any], ServiceSettings], AbstractAsyncContextManager[Sequence[Runner[Any]]]]


def service_program(service: Service[Any], *, consumers: OpenConsumers = composition.consumers) -> typer.Typer:
    """The program. Missing settings end it with their names; the exit code of verify says whether the log is whole.

    `consumers` opens the worker's consumers without running them, to release what they have parked.
    """
    rebuildable = tuple(composition.rebuildable(service))
    program = typer.Typer(name=service.name, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    def settings_of(kind: type[T], needed: tuple[str, ...] = (), log_level: Callable[[T], str] | None = None) -> T:
        try:
            settings = load_settings(kind, needed)
        except SettingsError as error:
            raise SystemExit(str(error)) from None
        configure_logs(service.name, version(f"redress-{service.name}"), log_level(settings) if log_level else "INFO")
        return settings

    def owner_dsn() -> str:
        return settings_of(prefixed(OwnerSettings, service.settings)).owner_database_url.get_secret_value()

    @program.command()
    def api() -> None:
        """Serve the HTTP API."""
        settings = settings_of(service.settings, composition.NEEDED_BY_API, _log_level)
        raise typer.Exit(run_api(composition.api(service, settings), settings.host, settings.port))

    @program.command(help=service.about_worker)
    def worker() -> None:
        settings = settings_of(service.settings, composition.needed_by_worker(service), _log_level)
        raise typer.Exit(run_worker(lambda: composition.worker(service, settings)))

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
    def rebuild(projection: Annotated[str, typer.Argument(help=" or ".join(rebuildable))]) -> None:
        """Build a read model anew from the first event while the service goes on."""
        if projection not in rebuildable:
            raise typer.BadParameter(f"{projection} is none of {', '.join(rebuildable)}")
        settings = settings_of(prefixed(RebuildSettings, service.settings), composition.needed_by_rebuild(service))
        with _bar() as bar:
            task = bar.add_task(projection, total=None)
            try:
                done = asyncio.run(
                    composition.rebuild(
                        service,
                        settings,
                        projection,
                        lambda now: bar.update(task, completed=now.done, total=now.total),
                    )
                )
            except (RebuildRefused, RebuildFailed) as reason:
                raise SystemExit(f"{projection} was not rebuilt: {reason}") from None
        rows = ", ".join(f"{name}: {before} rows before, {after} after" for name, (before, after) in done.rows.items())
        print(f"{projection} is rebuilt up to position {done.position} in {done.seconds:.1f} s; {rows}")

    _add_openapi(program, service)
    add_operator_commands(program, _ServiceOperations(service, rebuildable, consumers, settings_of))
    return program


def _add_openapi(program: typer.Typer, service: Service[Any]) -> None:
    @program.command()
    def openapi() -> None:
        """Print the document that the API serves at /openapi.json; no settings are needed."""
        print(json.dumps(composition.openapi_document(service), indent=2, ensure_ascii=False))


class _ServiceOperations:
    """The service as operators' commands see it. Log lines are left out: each command says in words what it did."""

    def __init__(
        self,
        service: Service[Any],
        rebuildable: tuple[str, ...],
        consumers: OpenConsumers,
        settings_of: Callable[..., Any],
    ) -> None:
        self.name, self.rebuildable = service.name, rebuildable
        self._service, self._consumers, self._settings_of = service, consumers, settings_of

    def owner_dsn(self) -> str:
        settings: OwnerSettings = self._settings_of(prefixed(OwnerSettings, self._service.settings), (), _quiet)
        return settings.owner_database_url.get_secret_value()

    def vault(self) -> tuple[str, bytes]:
        settings: ServiceSettings = self._settings_of(self._service.settings, ("vault_database_url",), _quiet)
        return required(settings.vault_database_url), settings.vault_key_bytes

    def consumers(self) -> AbstractAsyncContextManager[Sequence[Runner[Any]]]:
        needed = composition.needed_by_consumers(self._service)
        settings: ServiceSettings = self._settings_of(self._service.settings, needed, _quiet)
        return self._consumers(self._service, settings)


def _log_level(settings: ServiceSettings) -> str:
    return settings.log_level


def _quiet(_: Settings) -> str:
    return "CRITICAL"


async def _verify(dsn: str) -> verification.Verification:
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
