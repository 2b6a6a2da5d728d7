"""All of Redress as real processes on one folder, to be disturbed: three Kafka nodes, PostgreSQL, the issuer, the mail
sink, an API and a worker per service. Databases, brokers and the mail server are reached through proxies.

What `make run` starts is started here with the same commands and settings; only addresses differ.
"""

import asyncio
import contextlib
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import asyncpg
import msgspec
import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from msgspec import Struct

from faults.history import Checkpoint, Fault, History, Measurement
from faults.proxy import Proxy
from redress.clock import SystemClock
from redress.contracts import collections_events, dispute_events, notification_events
from redress.contracts.envelope import PARTITIONS
from redress.failpoints import ENVIRONMENT as FAILPOINTS
from redress.messaging.kafka import KafkaBroker
from redress.messaging.port import TopicSpec
from redress.ops.databases import bootstrap
from redress_local.blueprint import PORTS, Blueprint
from redress_local.kafka import KafkaCluster, KafkaNode
from redress_local.ports import free_ports, is_free
from redress_local.postgres import SOCKET_PORT, PostgresServer
from redress_local.process import Process, log_tail
from redress_local.secrets_file import Secrets, ensure_secrets
from redress_local.settings import SERVICES, StackSettings, Transport
from redress_local.stack import Part
from redress_local.state import remembered_ports
from redress_local.tokens import mint

T = TypeVar("T")

TOPICS: Final = (dispute_events.TOPIC, collections_events.TOPIC, notification_events.TOPIC)
ERP_TOPICS: Final = ("erp.invoices.v1", "erp.payments.v1")
ROLES: Final = ("api", "worker")
_DIES_WITHIN_S = 30.0


class Address(Struct, frozen=True):
    """Where the audit finds everything; written into the folder as `deployment.json`."""

    databases: dict[str, str]
    vault: str
    bootstrap_servers: str | None
    mail: str
    history: str


class ProxiedCluster(KafkaCluster):
    """Clients are told the addresses of proxies; the nodes among themselves use their own."""

    def __init__(self, data: Path, *, nodes: int, logs: Path) -> None:
        super().__init__(data, nodes=nodes, logs=logs)
        self.client_ports = free_ports(nodes)
        self.proxies: list[Proxy] = []

    @property
    def addresses(self) -> str:
        return ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies)

    def _properties(self, node: KafkaNode) -> str:
        lines = dict(line.split("=", 1) for line in super()._properties(node).splitlines())
        number = node.node_id - 1
        plain = lines["listeners"]
        lines["listeners"] = f"{plain},CLIENT://127.0.0.1:{self.client_ports[number]}"
        lines["advertised.listeners"] = f"{plain},CLIENT://127.0.0.1:{self.proxies[number].port}"
        lines["listener.security.protocol.map"] += ",CLIENT:PLAINTEXT"
        return "".join(f"{name}={value}\n" for name, value in lines.items())


class _Blueprint(Blueprint):
    """The blueprint of `make run` with a larger Kafka and with proxies on the way."""

    def __init__(
        self, settings: StackSettings, secrets: Secrets, ports: dict[str, int], durable: bool, seed: int
    ) -> None:
        super().__init__(settings, secrets, ports)
        quick = {} if durable else {"fsync": "off", "full_page_writes": "off"}
        self.server = PostgresServer(
            settings.data / "postgres",
            log=self.logs / "postgres.log",
            settings={"max_wal_size": "2GB", **quick},
        )
        self.cluster: ProxiedCluster = ProxiedCluster(settings.data / "kafka", nodes=3, logs=self.logs)
        socket = self.server.socket_folder / f".s.PGSQL.{SOCKET_PORT}"
        self.databases = {service: Proxy(f"database of {service}", socket, seed) for service in SERVICES}
        self.smtp = Proxy("smtp", ("127.0.0.1", ports["smtp"]), seed)
        self.brokers = [
            Proxy(f"kafka-{number}", ("127.0.0.1", port), seed)
            for number, port in enumerate(self.cluster.client_ports, 1)
        ]
        self.cluster.proxies = self.brokers

    def proxied(self, service: str, database: str, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.databases[service].port}/{database}"

    def _common(self) -> dict[str, str]:
        common = super()._common()
        if "KAFKA_BOOTSTRAP_SERVERS" in common:
            common["KAFKA_BOOTSTRAP_SERVERS"] = self.cluster.addresses
        return common

    def environment(self, service: str) -> dict[str, str]:
        environment = super().environment(service)
        own = service.upper()
        environment[f"{own}_DATABASE_URL"] = self.proxied(service, service, f"{service}_api")
        environment[f"{own}_WORKER_DATABASE_URL"] = self.proxied(service, service, f"{service}_worker")
        environment["VAULT_DATABASE_URL"] = self.proxied(service, "vault", f"{service}_api")
        if service == "notification":
            environment["SMTP_PORT"] = str(self.smtp.port)
        environment["PYTHONPATH"] = str(Path(__file__).parent / "stacks")
        return environment


class Deployment:
    """Runs it. Processes are named `dispute-api`, `dispute-worker`, … and `postgres`, `issuer`, `mail-sink`."""

    def __init__(self, folder: Path, *, transport: Transport = "kafka", durable: bool = False, seed: int = 0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = StackSettings(data=folder / "data", port=_three_ports(), transport=transport, demo=False)
        self.settings.data.mkdir(exist_ok=True)
        self._secrets = ensure_secrets(self.settings.data)
        ports = remembered_ports(self.settings.data, PORTS)
        self.blueprint = _Blueprint(self.settings, self._secrets, ports, durable, seed)
        self.history = History(folder / "history.jsonl")
        self._parts: dict[str, Part] = {}
        self._armed: set[str] = set()
        self._planted = ""
        self._log_starts: dict[str, int] = {}
        self.brokers_disturbed = False
        # More than can ever wait: starting a database must not wait for threads that wait for that database.
        self._threads = ThreadPoolExecutor(32, thread_name_prefix="deployment")

    # -- coming up and going down

    async def start(self) -> None:
        """Everything, in the order in which `make run` does it."""
        plan = self.blueprint
        for proxy in self.proxies:
            await proxy.start()
        with_kafka = self.settings.transport == "kafka"
        await asyncio.gather(
            self._databases(),
            *([self._brokers()] if with_kafka else []),
            self._begin(plan.issuer()),
            self._begin(plan.mail_sink()),
        )
        for service in self.services:
            self._parts[f"{service}-api"] = self._with_bug(plan.api(service))
            self._parts[f"{service}-worker"] = self._with_bug(plan.worker(service))
        await asyncio.gather(*(self.start_process(name) for name in self._service_names()))
        (self.folder / "deployment.json").write_bytes(msgspec.json.encode(self.address))

    async def stop(self) -> None:
        """Nothing of it is left."""
        self.history.close()
        for name in self._service_names():
            if name in self._parts:
                self._parts[name].process.signal(signal.SIGCONT)
                self._parts[name].process.kill()
        for name in ("issuer", "mail-sink"):
            if name in self._parts:
                self._parts[name].process.kill()
        for proxy in self.proxies:
            await proxy.stop()
        for node in self.blueprint.cluster.nodes:
            node.process.signal(signal.SIGCONT)
            node.kill()
        await self._in_thread(self.blueprint.server.stop)
        self._threads.shutdown(wait=False)

    async def _databases(self) -> None:
        await self._in_thread(self.blueprint.server.start)
        await bootstrap(self.blueprint.server.dsn())
        jobs = [self.blueprint.migrate(service) for service in self.services]
        for job in jobs:
            job.process.start()
        for job in jobs:
            await self._ended(job.process)
            if job.process.exit_code != 0:
                raise RuntimeError(log_tail(job.process.log, 40))

    async def _brokers(self) -> None:
        await self._in_thread(self.blueprint.cluster.start)
        broker = KafkaBroker(self.blueprint.cluster.addresses, client_id="topics")
        ours = [TopicSpec(name, PARTITIONS, 3, {"min.insync.replicas": "2"}) for name in TOPICS]
        erp = [TopicSpec(name, PARTITIONS, 3, {"min.insync.replicas": "2"}) for name in ERP_TOPICS]
        dead = [TopicSpec(f"{name}.dlq", 1, 3) for name in ERP_TOPICS]
        await broker.make_topics([*ours, *erp, *dead])

    async def _begin(self, part: Part) -> None:
        self._parts[part.name] = part
        await self._in_thread(part.start)

    def plant(self, bug: str) -> None:
        """The services' processes run with a bug of `faults.planted`."""
        self._planted = bug

    def _with_bug(self, part: Part) -> Part:
        if self._planted:
            python, _, module, role = part.process.argv
            part.process.argv = [python, "-m", "faults.planted", self._planted, module, role]
            environment = dict(part.process._env or {})
            environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parents[1])
            part.process._env = environment
        return part

    # -- what there is

    @property
    def services(self) -> list[str]:
        return list(SERVICES)

    @property
    def proxies(self) -> list[Proxy]:
        return [*self.blueprint.databases.values(), *self.blueprint.brokers, self.blueprint.smtp]

    @property
    def address(self) -> Address:
        with_kafka = self.settings.transport == "kafka"
        return Address(
            databases={service: self.blueprint.server.dsn(service) for service in self.services},
            vault=self.blueprint.server.dsn("vault"),
            bootstrap_servers=self.blueprint.cluster.bootstrap_servers if with_kafka else None,
            mail=str(self.blueprint.mail_folder),
            history=str(self.history.path),
        )

    def url(self, service: str) -> str:
        return self.settings.url_of(service)

    def token(self, role: str, tenant: str, subject: str | None = None) -> str:
        return mint(
            self._secrets,
            issuer=self.blueprint.issuer_url,
            subject=subject or f"{role}@{tenant}.example",
            tenant=tenant,
            roles=[role],
            now=SystemClock().now(),
        )

    def process(self, name: str) -> Process:
        return self._parts[name].process

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """A superuser's connection, past the proxies."""
        connection = await asyncpg.connect(self.blueprint.server.dsn(service))
        try:
            yield connection
        finally:
            await connection.close()

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    # -- processes

    async def start_process(self, name: str, failpoints: str = "") -> None:
        """Start a service's process and wait until it serves. With failpoints it may be gone by then: no wait."""
        part = self._parts[name]
        environment = dict(part.process._env or {})
        environment[FAILPOINTS] = failpoints
        part.process._env = environment
        log = part.process.log
        self._log_starts[name] = log.stat().st_size if log.exists() else 0
        self._armed.discard(name)
        if failpoints:
            self._armed.add(name)
            part.process.start()
        else:
            await self._in_thread(part.start)

    async def restart_process(self, name: str, failpoints: str = "") -> None:
        await self.kill(name)
        await self.start_process(name, failpoints)

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self.process(name)
        if process.running:
            self.history.add(Fault(kind="kill", target=name))
            await self._in_thread(process.kill)

    async def died(self, name: str, of: signal.Signals = signal.SIGKILL) -> None:
        """Wait until the process has ended, of its failpoint."""
        process = self.process(name)
        await self._ended(process)
        self.history.add(Fault(kind=f"died of {of.name}", target=name))
        if process.exit_code != -of:
            raise AssertionError(f"{name} ended with {process.exit_code}:\n{log_tail(process.log, 30)}")

    async def _ended(self, process: Process) -> None:
        deadline = time.monotonic() + _DIES_WITHIN_S
        while process.running:
            if time.monotonic() > deadline:
                raise AssertionError(f"{process.name} still runs:\n{log_tail(process.log, 30)}")
            await asyncio.sleep(0.02)

    def pause(self, name: str) -> None:
        self.history.add(Fault(kind="stop", target=name))
        self.process(name).signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        self.process(name).signal(signal.SIGCONT)

    async def write_stacks_down(self) -> None:
        """Every process writes into its log where its tasks stand."""
        for name in self._service_names():
            self.process(name).signal(signal.SIGUSR1)
        await asyncio.sleep(1.0)  # until they have

    async def reached(self, name: str, failpoint: str) -> None:
        """Wait until the process has said that it reached the failpoint, in its present life."""
        process = self.process(name)
        begun = self._log_starts.get(name, 0)
        deadline = time.monotonic() + _DIES_WITHIN_S
        while f"failpoint {failpoint}".encode() not in process.log.read_bytes()[begun:]:
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} did not reach {failpoint}:\n{log_tail(process.log, 30)}")
            await asyncio.sleep(0.02)

    async def mend(self) -> None:
        """Undo every disturbance of a test: everything runs, no failpoint is armed, no network is bad."""
        for proxy in self.proxies:
            proxy.heal()
        for node in self.blueprint.cluster.nodes:
            if not node.process.running:
                await self.start_broker(node.node_id)
        if not self.blueprint.server.process.running:
            await self._in_thread(self.blueprint.server.start)
        for name in self._service_names():
            self.resume(name)
            if name in self._armed:
                await self.kill(name)
        down = [name for name in self._service_names() if not self.process(name).running]
        await asyncio.gather(*(self.start_process(name) for name in down))

    def _service_names(self) -> list[str]:
        return [f"{service}-{role}" for service in self.services for role in ROLES]

    @asynccontextmanager
    async def second_worker(self, service: str) -> AsyncIterator[Process]:
        """Another worker of the same service beside the first, until the block ends."""
        first = self.process(f"{service}-worker")
        port = {f"{service.upper()}_WORKER_PORT": str(free_ports(1)[0])}
        environment = {**(first._env or {}), **port, FAILPOINTS: ""}
        second = Process(f"{service}-worker-2", first.argv, log=first.log.with_suffix(".2.log"), env=environment)
        second.start()
        try:
            yield second
        finally:
            await self._in_thread(second.kill)

    # -- database and broker

    async def crash_database(self) -> None:
        """As `pg_ctl -m immediate` does it: no checkpoint; it recovers from its write-ahead log."""
        self.history.add(Fault(kind="crash", target="postgres"))
        server = self.blueprint.server
        server.process.signal(signal.SIGQUIT)
        await self._ended(server.process)
        await self._in_thread(server.start)

    async def restart_database(self) -> None:
        """An orderly stop that ends all sessions, and a start."""
        self.history.add(Fault(kind="restart", target="postgres"))
        server = self.blueprint.server
        server.process.signal(signal.SIGINT)
        await self._ended(server.process)
        await self._in_thread(server.start)

    async def stop_broker(self, number: int) -> None:
        self.brokers_disturbed = True
        self.history.add(Fault(kind="stop broker", target=f"kafka-{number}"))
        await self._in_thread(self.blueprint.cluster.nodes[number - 1].stop)

    async def kill_broker(self, number: int) -> None:
        self.brokers_disturbed = True
        self.history.add(Fault(kind="kill broker", target=f"kafka-{number}"))
        await self._in_thread(self.blueprint.cluster.nodes[number - 1].kill)

    async def start_broker(self, number: int) -> None:
        """Until it serves. Until it has caught up it takes no part in what Kafka promises: `in_sync` waits for that."""
        await self._in_thread(self.blueprint.cluster.start_node, number)

    async def in_sync(self, *numbers: int, within_s: float = 60.0) -> None:
        """Wait until these brokers, and no others, have every partition complete.

        Whoever kills all but one of those that are in sync may have to wait for that one (KIP-966).
        """
        deadline = time.monotonic() + within_s
        while (found := await self._complete_replicas()) != {tuple(sorted(numbers))}:
            if time.monotonic() > deadline:
                raise AssertionError(f"in sync are {found}, not {numbers}")
            await asyncio.sleep(0.1)

    async def _complete_replicas(self) -> set[tuple[int, ...]]:
        """All sets of brokers that some partition has as its in-sync replicas."""
        alive = [node.address for node in self.blueprint.cluster.nodes if node.process.running]
        admin = AIOKafkaAdminClient(bootstrap_servers=",".join(alive), request_timeout_ms=5_000)
        try:
            async with asyncio.timeout(10.0):
                await admin.start()
                topics = await admin.describe_topics([*TOPICS, *ERP_TOPICS, "__consumer_offsets"])
            return {tuple(sorted(each["isr"])) for topic in topics for each in topic["partitions"]}
        except (KafkaError, TimeoutError, OSError):
            return set()
        finally:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(admin.close(), 5.0)

    # -- watching

    def measure(self) -> None:
        """Note memory and open files of every service process that runs."""
        for name in self._service_names():
            process = self.process(name)
            if not process.running or process.pid is None:
                continue
            with contextlib.suppress(psutil.Error):
                seen = psutil.Process(process.pid)
                rss, files = seen.memory_info().rss, seen.num_fds()
                self.history.add(Measurement(process=name, pid=process.pid, rss_bytes=rss, open_files=files))

    async def note_checkpoints(self) -> None:
        for service in self.services:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                async with asyncio.timeout(5.0), self.database(service) as connection:
                    for name, shard, seq in await connection.fetch(
                        "SELECT concat_ws(':', c.name, nullif(c.service, h.service)), c.shard, c.seq"
                        " FROM es.consumer c, es.log_head h"
                    ):
                        self.history.add(Checkpoint(service=service, consumer=name, shard=shard, seq=seq))

    async def waiting(self) -> str:
        """The parts that have not come to rest yet, in words; empty when all have."""
        for service in self.services:
            async with self.database(service) as connection:
                pending = await connection.fetchval("SELECT count(*) FROM es.pending")
                if pending:
                    return f"{service}: {pending} events have no place in the log"
                head = await connection.fetchval("SELECT seq FROM es.log_head")
                own = await connection.fetch(
                    "SELECT c.name, c.seq FROM es.consumer c JOIN es.log_head h USING (service, log)"
                    " WHERE c.seq < h.seq"
                )
                if own:
                    return f"{service}: {own[0]['name']} is at {own[0]['seq']} of {head}"
                busy = await self._unfinished(connection, service)
                if busy:
                    return busy
        return await self._followers()

    async def _unfinished(self, connection: asyncpg.Connection, service: str) -> str:
        if service == "collections":
            received = await connection.fetchval("SELECT count(*) FROM erp.message WHERE result = 'received'")
            return f"{received} messages of the ERP are kept but not taken" if received else ""
        if service == "notification":
            due = await connection.fetchval(
                "SELECT count(*) FROM read.notification_current"
                " WHERE status = 'sending' OR status = 'queued' AND due_at <= es.now()"
            )
            return f"{due} notifications are due or in hand" if due else ""
        due = await connection.fetchval("SELECT count(*) FROM es.timer WHERE state = 'pending' AND due_at <= es.now()")
        return f"{due} timers are due" if due else ""

    async def _followers(self) -> str:
        """Whether those that follow another service have taken all that it has published."""
        for follower in self.services:
            async with self.database(follower) as connection:
                rows = await connection.fetch(
                    "SELECT c.name, c.service, c.shard, c.seq FROM es.consumer c, es.log_head h"
                    " WHERE c.service <> h.service AND c.service LIKE '%-service'"
                )
            for name, followed, shard, seq in rows:
                last = await self._last_published(followed.removesuffix("-service"))
                if shard < len(last) and seq < last[shard]:
                    return f"{follower}: {name} is at {seq} of {last[shard]} on shard {shard}"
        return ""

    async def _last_published(self, service: str) -> Sequence[int]:
        """By partition, the last published seq: what the relay has written down."""
        if service not in self.services:
            return []
        async with self.database(service) as connection:
            position = await connection.fetchval("SELECT position::text FROM es.consumer WHERE name = 'relay'")
        return [] if position is None else msgspec.json.decode(position)["last"]

    async def behind(self) -> int:
        """How many events the slowest of all followers has yet to take; of one that reads shards, its slowest shard."""
        heads: dict[str, int] = {}
        reached: list[tuple[str, int]] = []
        for service in self.services:
            async with self.database(service) as connection:
                heads[service] = await connection.fetchval("SELECT seq FROM es.log_head")
                for followed, seq in await connection.fetch(
                    "SELECT service, min(seq) FROM es.consumer GROUP BY name, service"
                ):
                    reached.append((followed.removesuffix("-service"), seq))
        return max((heads[follows] - seq for follows, seq in reached if follows in heads), default=0)

    async def comes_to_rest(self, within_s: float = 60.0, waited_for: dict[str, float] | None = None) -> float:
        """How long that took. AssertionError with what still moves. `waited_for` learns of what, for how many seconds;
        it has them too when the time is over."""
        begun = looked = time.monotonic()
        quiet = 0
        waiting = ""
        while True:
            now = time.monotonic()
            if waiting and waited_for is not None:
                what = re.sub(r"\d+", "…", waiting)
                waited_for[what] = waited_for.get(what, 0.0) + now - looked
            looked = now
            try:
                waiting = await self.waiting()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
                waiting = f"the database does not answer: {failure}"
            quiet = 0 if waiting else quiet + 1
            if quiet >= 3:
                return time.monotonic() - begun
            if time.monotonic() - begun > within_s:
                await self.write_stacks_down()
                raise AssertionError(f"after {within_s:.0f} s: {waiting} (the logs in {self.blueprint.logs} say where)")
            await asyncio.sleep(0.1)


def _three_ports() -> int:
    """The first of three free ports in a row."""
    start = 21_000 + os.getpid() % 4_000 * 3
    return next(port for port in range(start, 34_000, 3) if all(is_free(port + step) for step in range(3)))
