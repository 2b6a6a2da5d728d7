"""The command `redress`: the local stack from the outside. DATA names its folder, `.data` if it is not set."""

import asyncio
import json
import sys
from typing import Annotated

import typer
from rich.console import Console

from redress.clock import SystemClock
from redress_local.run import CannotStart, run_stack
from redress_local.secrets_file import NoSecretsYet, read_secrets
from redress_local.settings import WrongSetting, data_folder, read_settings
from redress_local.state import AlreadyRunning, read_issuer
from redress_local.status import stack_status, status_tables
from redress_local.tokens import mint

app = typer.Typer(
    name="redress", help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False
)
_errors = Console(stderr=True, highlight=False)


@app.command()
def run() -> None:
    """Run the whole stack in the foreground. Variables: DATA, PORT, TRANSPORT=kafka|feed, DEMO=0|1."""
    asyncio.run(run_stack(read_settings()))


@app.command()
def token(
    role: Annotated[list[str], typer.Option(help="analyst, approver, collector, auditor, erp, ops, admin; repeatable")],
    tenant: Annotated[str, typer.Option(help="whose data the token opens")] = "demo",
    subject: Annotated[str | None, typer.Option(help="who acts; the role's name if not given")] = None,
) -> None:
    """Print an access token for the local stack, and nothing else. It is valid for twelve hours."""
    data = data_folder()
    issued = mint(
        read_secrets(data),
        issuer=read_issuer(data),
        subject=subject or f"dev-{role[0]}",
        tenant=tenant,
        roles=role,
        now=SystemClock().now(),
    )
    print(issued)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="for scripts")] = False,
) -> None:
    """Every part with its address and health, and how far each consumer is behind. Exit code 1 if anything is down."""
    found = asyncio.run(stack_status(data_folder()))
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        for table in status_tables(found):
            Console().print(table)
    raise typer.Exit(0 if found.healthy else 1)


def main() -> None:
    """Mistakes and refusals are one line and exit code 2; only bugs show a traceback."""
    try:
        app()
    except (CannotStart, AlreadyRunning, NoSecretsYet, WrongSetting) as refused:
        _errors.print(f"redress: {refused}", markup=False, style="red")
        sys.exit(2)
