"""Look at the local stack and feed it. DATA names its folder (.data by default)."""

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from redress_local.advance import StandsStill, advance
from redress_local.ledger_file import (
    DEFAULT_MAPPING,
    BadRow,
    LedgerMapping,
    Row,
    WrongFile,
    WrongMapping,
    read_ledger,
    read_mapping,
)
from redress_local.ledger_import import Progress, Report, import_ledger, write_rejected
from redress_local.run import CannotStart, run_stack
from redress_local.secrets_file import NoSecretsYet, read_secrets
from redress_local.settings import WrongSetting, data_folder, read_settings
from redress_local.stack_client import NotRunning, Refused, client_of_running_stack
from redress_local.stack_clock import WrongClock, as_text, duration, moment, running_clock, stack_clock
from redress_local.state import AlreadyRunning, read_environment, read_issuer
from redress_local.status import stack_status, status_tables
from redress_local.tokens import mint

app = typer.Typer(
    name="redress", help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False
)


class Service(StrEnum):
    DISPUTE = "dispute"
    COLLECTIONS = "collections"
    NOTIFICATION = "notification"


_REFUSALS = (
    CannotStart,
    AlreadyRunning,
    NoSecretsYet,
    NotRunning,
    Refused,
    WrongClock,
    WrongFile,
    WrongMapping,
    WrongSetting,
    StandsStill,
)
_errors = Console(stderr=True, highlight=False)


@app.command()
def run() -> None:
    """Run the whole stack in the foreground. Variables: DATA, PORT, TRANSPORT=kafka|feed, DEMO=0|1, CLOCK=test."""
    asyncio.run(run_stack(read_settings()))


@app.command()
def token(
    role: Annotated[list[str], typer.Option(help="analyst, approver, collector, auditor, erp, ops, admin; repeatable")],
    tenant: Annotated[str, typer.Option(help="company whose data the token opens")] = "demo",
    subject: Annotated[str | None, typer.Option(help="name of the caller; dev-<role> by default")] = None,
) -> None:
    """Print an access token for the local stack, and nothing else. It is valid for twelve hours."""
    data = data_folder()
    issued = mint(
        read_secrets(data),
        issuer=read_issuer(data),
        subject=subject or f"dev-{role[0]}",
        tenant=tenant,
        roles=role,
        now=stack_clock(data).now(),
    )
    print(issued)


@app.command("env")
def env_command(service: Annotated[Service, typer.Argument(help="service whose settings are printed")]) -> None:
    """Print a service's settings for a shell: eval "$(redress env dispute)", then `dispute-service verify`."""
    print(read_environment(data_folder(), service.value), end="")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False,
) -> None:
    """Print each part's address and health, and each consumer's lag. Exit code 1 if anything is down."""
    found = asyncio.run(stack_status(data_folder()))
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        for table in status_tables(found):
            Console().print(table)
    raise typer.Exit(0 if found.healthy else 1)


@app.command("import-ledger")
def import_ledger_command(
    file: Annotated[Path, typer.Argument(help="a CSV of receivables")],
    tenant: Annotated[str, typer.Option(help="company that gets the ledger")] = "demo",
    mapping: Annotated[Path, typer.Option("--map", help="mapping of columns (TOML)")] = DEFAULT_MAPPING,
    currency: Annotated[str, typer.Option(help="currency of rows that name none")] = "USD",
    rejected_to: Annotated[Path | None, typer.Option(help="file for rejected lines")] = None,
) -> None:
    """Send a receivables CSV through the ERP's door: invoices, disputes, payments. Repeating it adds nothing."""
    how = read_mapping(mapping)
    rows = read_ledger(file, how, currency)
    with Bars(
        TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=_errors
    ) as bars:
        report = asyncio.run(_import(tenant, how, rows, _ProgressBars(bars)))
    totals = {name: report.rows.get(name, 0) for name in ("sent", "accepted", "duplicate", "rejected", "waiting")}
    print("rows: " + ", ".join(f"{count} {name}" for name, count in totals.items()))
    for kind, counts in report.messages.items():
        print(f"  {kind}s: " + ", ".join(f"{count} {result}" for result, count in sorted(counts.items())))
    if report.rejected:
        path = rejected_to or Path(f"{file.stem}-{tenant}-rejected.csv")
        write_rejected(path, report.rejected)
        print(f"rejected lines and reasons: {path.resolve()}")
    print(f"{report.seconds:.1f} s" + ("" if report.visible else ", but not everything is visible yet: redress status"))
    raise typer.Exit(0 if report.visible and not report.rejected else 1)


async def _import(tenant: str, mapping: LedgerMapping, rows: list[Row | BadRow], progress: Progress) -> Report:
    async with client_of_running_stack(data_folder(), tenant) as client:
        return await import_ledger(client, mapping, rows, progress)


clock_app = typer.Typer(help="The time of a stack that runs with CLOCK=test; it moves forward only.")
app.add_typer(clock_app, name="clock")


@clock_app.callback(invoke_without_command=True)
def clock_command(context: typer.Context) -> None:
    """Show the stack's time; `advance` and `set` move it, for a stack that runs with CLOCK=test."""
    if context.invoked_subcommand is None:
        print(as_text(running_clock(data_folder()).now()))


@clock_app.command("advance")
def clock_advance(by: Annotated[str, typer.Argument(help="3d, 2h, 45m, or together: 1d12h")]) -> None:
    """Move the time of the whole stack. Timers that become due on the way fire in their order, at their own time."""
    data, step = data_folder(), duration(by)
    asyncio.run(advance(data, running_clock(data).now() + step, say=print))


@clock_app.command("set")
def clock_set(to: Annotated[str, typer.Argument(help="2026-12-24T08:00:00Z")]) -> None:
    """Move the time of the whole stack to a moment that is still to come, as `advance` does."""
    data, target = data_folder(), moment(to)
    running_clock(data)
    asyncio.run(advance(data, target, say=print))


class _ProgressBars:
    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._task = TaskID(0)

    def phase(self, name: str, total: int) -> None:
        self._task = self._bars.add_task(name, total=total)

    def advance(self, steps: int) -> None:
        self._bars.advance(self._task, steps)


def main() -> None:
    """Mistakes and refusals are one line and exit code 2; only bugs show a traceback."""
    try:
        app()
    except _REFUSALS as refused:
        _errors.print(f"redress: {refused}", markup=False, style="red", soft_wrap=True)
        sys.exit(2)
