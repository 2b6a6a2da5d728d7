"""`redress run`, which is `make run`: the whole stack in the foreground."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final

from redress.ops.databases import bootstrap
from redress_local.blueprint import PORTS, Blueprint
from redress_local.demo import DEMO_TENANT, DemoIncomplete, make_demo
from redress_local.ports import is_free
from redress_local.secrets_file import Secrets, ensure_secrets
from redress_local.settings import SERVICES, StackSettings
from redress_local.stack import Stack
from redress_local.stack_client import NotRunning, Refused, StackClient
from redress_local.stack_clock import prepare_clock, set_databases, stack_clock
from redress_local.state import end_leftovers, only_one_stack, remembered_ports, write_environment

_KEPT_LOG_BYTES: Final = 5_000_000


class CannotStart(Exception):
    """The reason, for a person, in one line."""


async def run_stack(settings: StackSettings, say: Callable[[str], None] = lambda line: print(line, flush=True)) -> None:
    """Start everything, print `Redress is running`, supervise until SIGINT, SIGTERM or SIGHUP, end everything.

    CannotStart, AlreadyRunning, WrongClock or RuntimeError if it does not come up; nothing is left behind then either.
    """
    with only_one_stack(settings.data):
        leftovers = end_leftovers(settings.data)
        if leftovers:
            say(f"  ended what an earlier run left behind: {', '.join(leftovers)}")
        _check_ports(settings)
        _shorten_logs(settings.data / "logs")
        prepare_clock(settings.data, settings.clock)
        secrets = ensure_secrets(settings.data)
        blueprint = Blueprint(settings, secrets, remembered_ports(settings.data, PORTS))
        stack = Stack(settings.data, settings.transport, blueprint.issuer_url, say)
        await _until_signalled(stack, _come_up_and_watch(stack, blueprint, secrets, say), say)


async def _demo(blueprint: Blueprint, secrets: Secrets, say: Callable[[str], None]) -> None:
    settings = blueprint.settings
    urls = {service: settings.url_of(service) for service in SERVICES}
    async with StackClient(urls, secrets, blueprint.issuer_url, DEMO_TENANT, stack_clock(settings.data)) as client:
        try:
            await make_demo(settings.data, client, say)
        except (Refused, NotRunning, DemoIncomplete) as failed:
            raise CannotStart(f"the simulated company could not be made (DEMO=0 leaves it out): {failed}") from None


async def _come_up_and_watch(stack: Stack, blueprint: Blueprint, secrets: Secrets, say: Callable[[str], None]) -> None:
    begun = time.monotonic()
    watching = asyncio.create_task(stack.watch())
    try:
        await _come_up(stack, blueprint)
        if blueprint.settings.demo:
            await _demo(blueprint, secrets, say)
        say(f"  everything is up after {time.monotonic() - begun:.1f} s")
        say(_welcome(blueprint))
        await watching
    finally:
        watching.cancel()


async def _come_up(stack: Stack, blueprint: Blueprint) -> None:
    """The order: databases and broker side by side, then the APIs, then the workers."""
    stack.record()
    with_kafka = blueprint.settings.transport == "kafka"

    async def databases() -> None:
        await stack.start(blueprint.postgres())
        await bootstrap(blueprint.server.dsn())
        await _all(*(stack.run(blueprint.migrate(service)) for service in SERVICES))
        if blueprint.settings.clock == "test":
            await set_databases(blueprint.server.dsn(), blueprint.settings.data)

    async def broker() -> None:
        if with_kafka:
            await stack.run(blueprint.kafka_jars())
            await stack.start(await asyncio.to_thread(blueprint.kafka))
            await stack.run(blueprint.topics())

    await _all(databases(), broker(), stack.start(blueprint.issuer()), stack.start(blueprint.mail_sink()))
    await _all(
        *(stack.start(blueprint.api(service)) for service in SERVICES),
        *(stack.start(blueprint.worker(service)) for service in SERVICES),
    )
    known = {"mail_folder": str(blueprint.mail_folder), "logs": str(blueprint.logs)}
    known |= {"postgres": blueprint.server.dsn()}
    if with_kafka:
        known["bootstrap_servers"] = blueprint.cluster.bootstrap_servers
    stack.know(**known)
    for service in SERVICES:
        write_environment(blueprint.settings.data, service, blueprint.environment(service))


async def _all(*steps: Coroutine[object, object, None]) -> None:
    """Side by side; the first failure ends the others."""
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(step)


async def _until_signalled(stack: Stack, work: Coroutine[object, object, None], say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    working = asyncio.create_task(work)

    def ask_to_stop() -> None:
        if not stack.stopping.is_set():
            stack.stopping.set()
            working.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask_to_stop)
    try:
        await working
    except asyncio.CancelledError:
        if not stack.stopping.is_set():
            raise
    except BaseExceptionGroup as failures:
        raise CannotStart(str(_first(failures))) from None
    finally:
        begun = time.monotonic()
        say("  stopping …")
        await stack.stop()
        say(f"  stopped in {time.monotonic() - begun:.1f} s; the data stays in {stack.data}")


def _first(failures: BaseExceptionGroup) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _check_ports(settings: StackSettings) -> None:
    taken = [(service, settings.port_of(service)) for service in SERVICES if not is_free(settings.port_of(service))]
    if taken:
        which = ", ".join(f"{port} ({service}-service)" for service, port in taken)
        raise CannotStart(
            f"in use: port {which}. Choose three other ports with PORT=<first>, as in `make run PORT=9001`"
        )


def _shorten_logs(folder: Path) -> None:
    """One earlier log per part is kept once it has grown."""
    folder.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        if log.stat().st_size > _KEPT_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def _welcome(blueprint: Blueprint) -> str:
    settings = blueprint.settings
    folder = "" if settings.data == Path(".data").resolve() else f"DATA={settings.data} "
    token = f"{folder}{Path(sys.executable).parent / 'redress'} token"
    addresses = [f"  {service + '-service':<22} {settings.url_of(service)}/docs" for service in SERVICES]
    return "\n".join(
        [
            "",
            *addresses,
            f"  {'mails':<22} {blueprint.mail_folder}",
            f"  {'logs':<22} {blueprint.logs}",
            "",
            "Try:",
            f'  TOKEN="$({token} --role analyst --tenant {DEMO_TENANT})"',
            f'  curl -s -H "Authorization: Bearer $TOKEN" "{settings.url_of("dispute")}/v1/disputes?limit=3"',
            f'  curl -s -H "Authorization: Bearer $TOKEN" "{settings.url_of("collections")}/v1/ageing?group_by=total"',
            f'  curl -s -H "Authorization: Bearer $TOKEN" "{settings.url_of("notification")}/v1/notifications?limit=3"',
            "Stop with Ctrl-C.",
            "",
            "Redress is running",
        ]
    )
