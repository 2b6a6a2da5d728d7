"""The faults of a deployment, drawn from one seed: their kind, target, length and the pause before the next."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg

from faults.deployment import ROLES, Deployment
from faults.history import Fault
from faults.proxy import Proxy, Weather

PAUSE_S = (0.5, 3.0)  # between two faults; several last beside each other
RESTART_S = (0.1, 1.0)  # until a supervisor has started a dead process again
LONGEST_S = 8.0
SPARED_S = 300.0
FAILPOINTS = {
    "api": ("append.before", "append.before_commit", "append.after_commit", "sequencer.before_commit"),
    "worker": (
        "consumer.begun", "consumer.applied", "consumer.before_commit", "consumer.after_commit", "consumer.before_hint",
        "relay.before_send", "relay.after_send", "relay.after_ack", "relay.after_checkpoint",
        "sequencer.before_commit", "sequencer.after_commit",
    ),
}  # fmt: skip
OF_ONE = {
    "collections-api": ("intake.kept", "intake.posted", "intake.before_answer"),
    "notification-worker": (
        "smtp.before_connect", "smtp.before_handover", "smtp.after_handover", "smtp.after_data", "smtp.after_answer",
    ),
    "dispute-worker": ("timer.counted", "timer.before_commit", "timer.after_commit"),
}  # fmt: skip


class Injector:
    """Disturbs until it is stopped, and starts again what has died, as a supervisor does."""

    def __init__(
        self, deployment: Deployment, seed: int, *, calm: float = 1.0, kills: bool = True, spares: bool = False
    ) -> None:
        """`calm` lengthens the pauses. With `spares` one service after the other is not killed for a while: lives long
        enough to see memory in."""
        self._calm = calm
        self.counts: Counter[str] = Counter()
        self._kills = kills
        self._spares = spares
        self._begun = time.monotonic()
        self._deployment = deployment
        self._chance = random.Random(f"{seed} faults")
        self._names = [f"{service}-{role}" for service in deployment.services for role in ROLES]
        self._busy: set[str] = set()
        self._lasting: set[asyncio.Task[None]] = set()
        self._failed: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then every fault that lasts is waited for."""
        kinds: list[tuple[int, str, Callable[[], Awaitable[None]]]] = [
            (8, "kill -9", self._kill),
            (6, "kill -9 at a failpoint", self._arm),
            (3, "SIGSTOP", self._stop_for_a_while),
            (4, "sessions ended", self._end_sessions),
            (2, "database crash", self._crash_database),
            (1, "database restart", self._restart_database),
            (2, "broker stopped or killed", self._broker),
            (4, "bad network", self._bad_weather),
            (2, "network cut", self._cut_off),
            (3, "reply cut off", self._cut_after_forwarding),
        ]
        if not self._kills:
            kinds = [kind for kind in kinds if not kind[1].startswith("kill")]
        weights = [weight for weight, _, _ in kinds]
        while not stop.is_set():
            _, name, inject = self._chance.choices(kinds, weights)[0]
            self.counts[name] += 1
            task = asyncio.create_task(self._guarded(name, inject))
            self._lasting.add(task)
            task.add_done_callback(self._lasting.discard)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._calm * self._chance.uniform(*PAUSE_S)):
                    await stop.wait()
        if self._lasting:
            await asyncio.wait(self._lasting, timeout=90.0)

    async def supervise(self, stop: asyncio.Event) -> None:
        """Start again what has died."""
        while not stop.is_set():
            for name in self._names:
                if not self._deployment.process(name).running and name not in self._busy:
                    task = asyncio.create_task(self._start_again(name))
                    self._lasting.add(task)
                    task.add_done_callback(self._lasting.discard)
            await asyncio.sleep(0.1)

    @property
    def failures(self) -> list[str]:
        """Faults that could not be injected, or not be ended: a mistake of the campaign."""
        return self._failed

    async def _guarded(self, name: str, inject: Callable[[], Awaitable[None]]) -> None:
        try:
            await inject()
        except Exception as failure:  # noqa: BLE001 - said at the end
            self._failed.append(f"{name}: {type(failure).__name__} {failure}")

    async def _start_again(self, name: str) -> None:
        self._busy.add(name)
        try:
            await asyncio.sleep(self._chance.uniform(*RESTART_S))
            with contextlib.suppress(RuntimeError, TimeoutError):
                await self._deployment.start_process(name)
        finally:
            self._busy.discard(name)

    # -- processes

    def _victim(self) -> str:
        turn = int((time.monotonic() - self._begun) / SPARED_S) % len(self._deployment.services)
        spared = self._deployment.services[turn] if self._spares else None
        return self._chance.choice([name for name in self._names if name.partition("-")[0] != spared])

    async def _kill(self) -> None:
        await self._deployment.kill(self._victim())

    async def _arm(self) -> None:
        """Start a process so that it dies at some step, some times later."""
        name = self._victim()
        if name in self._busy:
            return
        places = FAILPOINTS[name.rpartition("-")[2]] + OF_ONE.get(name, ())
        place = f"{self._chance.choice(places)}=kill@{self._chance.randrange(1, 30)}"
        self._busy.add(name)
        try:
            await self._deployment.kill(name)
            self._deployment.history.add(Fault(kind=place, target=name))
            with contextlib.suppress(RuntimeError, TimeoutError):
                await self._deployment.start_process(name, place)
        finally:
            self._busy.discard(name)

    async def _stop_for_a_while(self) -> None:
        name, seconds = self._chance.choice(self._names), self._chance.uniform(1.0, LONGEST_S)
        process = self._deployment.process(name)
        self._deployment.history.add(Fault(kind="stop", target=name, seconds=seconds))
        process.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        process.signal(signal.SIGCONT)

    # -- database

    async def _end_sessions(self) -> None:
        service = self._chance.choice(self._deployment.services)
        how_many = self._chance.randrange(1, 12)
        self._deployment.history.add(Fault(kind="sessions ended", target=service))
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with self._deployment.database("postgres") as connection:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE $1 || '%'"
                    " ORDER BY random() LIMIT $2",
                    service,
                    how_many,
                )

    async def _crash_database(self) -> None:
        async with self._alone("postgres"):
            await self._deployment.crash_database()

    async def _restart_database(self) -> None:
        async with self._alone("postgres"):
            await self._deployment.restart_database()

    # -- broker

    async def _broker(self) -> None:
        """One at a time, now and then two: then nothing is acknowledged any more."""
        if self._deployment.settings.transport != "kafka":
            return
        numbers = self._chance.sample((1, 2, 3), 2 if self._chance.random() < 0.2 else 1)
        kill = self._chance.random() < 0.6
        async with self._alone("kafka"):
            for number in numbers:
                await (self._deployment.kill_broker(number) if kill else self._deployment.stop_broker(number))
            await asyncio.sleep(self._chance.uniform(1.0, LONGEST_S))
            await asyncio.gather(*(self._deployment.start_broker(number) for number in numbers))

    # -- network

    def _some_way(self) -> Proxy:
        ways = self._deployment.proxies
        if self._deployment.settings.transport != "kafka":
            ways = [way for way in ways if not way.name.startswith("kafka")]
        return self._chance.choice(ways)

    async def _bad_weather(self) -> None:
        way, seconds = self._some_way(), self._chance.uniform(1.0, LONGEST_S)
        slow = self._chance.choice((0.01, 0.05, 0.2))
        way.weather = Weather(delay_s=(0.0, slow), resets=self._chance.choice((0.0, 0.005, 0.05)))
        self._deployment.history.add(Fault(kind="bad network", target=way.name, seconds=seconds))
        await asyncio.sleep(seconds)
        way.heal()

    async def _cut_off(self) -> None:
        way, seconds = self._some_way(), self._chance.uniform(0.5, LONGEST_S)
        both = self._chance.random() < 0.5
        self._deployment.history.add(Fault(kind="cut off" if both else "half-open", target=way.name, seconds=seconds))
        way.partition(requests=both)
        await asyncio.sleep(seconds)
        way.heal()

    async def _cut_after_forwarding(self) -> None:
        way = self._chance.choice(list(self._deployment.blueprint.databases.values()))
        self._deployment.history.add(Fault(kind="reply cut off", target=way.name))
        # Texts of the append's parameters: the types of events that it writes.
        way.cut_after_forwarding(lambda chunk: b"dispute-" in chunk or b"invoice-" in chunk or b"-started" in chunk)

    @contextlib.asynccontextmanager
    async def _alone(self, what: str) -> AsyncIterator[None]:
        """Faults of the same part wait for each other's end."""
        while what in self._busy:
            await asyncio.sleep(0.1)
        self._busy.add(what)
        try:
            yield
        finally:
            self._busy.discard(what)
