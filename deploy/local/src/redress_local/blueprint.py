"""The parts of the local stack, one function each: what is run, with which settings, and when it counts as ready."""

import http.client
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from redress_local.environment import inherited, inherited_for_downloads
from redress_local.kafka import KafkaCluster
from redress_local.postgres import PostgresServer
from redress_local.process import Process, log_tail
from redress_local.secrets_file import Secrets, client_id
from redress_local.settings import SERVICES, StackSettings
from redress_local.stack import Job, Part
from redress_local.stack_clock import clock_file
from redress_local.state import issuer_url
from redress_local.tokens import AUDIENCE

_DRAIN_S = 7.0  # of the thirteen seconds that an end may take; the rest is for what the services stood on
_READY_WITHIN_S = 60.0

_CREATE_TOPICS: Final = Path(__file__).parents[3] / "kafka" / "create_topics.py"  # we are installed editable

# The listeners beside the three APIs; their ports are chosen once per data folder.
PORTS: Final = ("issuer", "smtp", *(f"{service}-worker" for service in SERVICES))

SERVICE_STAGE: Final = 2
BASE_STAGE: Final = 1


class Blueprint:
    """Makes parts and jobs from the settings, the secrets and the ports of one data folder."""

    def __init__(self, settings: StackSettings, secrets: Secrets, ports: dict[str, int]) -> None:
        self.settings = settings
        self.issuer_url = issuer_url(ports)
        self.mail_folder = settings.data / "mail"
        self.logs = settings.data / "logs"
        self._secrets = secrets
        self._ports = ports
        self.server = PostgresServer(settings.data / "postgres", log=self.logs / "postgres.log")
        self.cluster = KafkaCluster(settings.data / "kafka", logs=self.logs, takes_future=settings.clock == "test")

    def postgres(self) -> Part:
        return Part(
            "postgres",
            self.server.process,
            self.server.start,
            BASE_STAGE,
            self.server.dsn(),
            before_end=self.server.checkpoint,
        )

    def kafka_jars(self) -> Job:
        """A job, because the first download takes long enough to be interrupted."""
        return self._job("kafka-jars", ["-m", "redress_local.kafka_jars"], inherited_for_downloads(), within_s=180.0)

    def kafka(self) -> Part:
        """The addresses are known from here on; the jars must be there."""
        self.cluster.prepare()
        node = self.cluster.nodes[0]
        return Part("kafka", node.process, lambda: self.cluster.start_node(1), BASE_STAGE, node.address)

    def topics(self) -> Job:
        environment = {"KAFKA_BOOTSTRAP_SERVERS": self.cluster.bootstrap_servers, "TOPIC_REPLICATION": "1"}
        return self._job("kafka-topics", [str(_CREATE_TOPICS)], environment)

    def issuer(self) -> Part:
        port = self._ports["issuer"]
        argv = ["-m", "redress_local.issuer", str(self.settings.data), str(port)]
        return self._program("issuer", argv, {}, stage=BASE_STAGE, address=self.issuer_url, ready=_listening(port))

    def mail_sink(self) -> Part:
        port = self._ports["smtp"]
        argv = ["-m", "redress_local.mail_sink", str(self.mail_folder), str(port), str(self.settings.data)]
        where = f"smtp://127.0.0.1:{port}"
        return self._program("mail-sink", argv, {}, stage=BASE_STAGE, address=where, ready=_listening(port))

    def migrate(self, service: str) -> Job:
        return self._job(f"{service}-migrations", ["-m", f"{service}_service", "migrate"], self.environment(service))

    def api(self, service: str) -> Part:
        return self._program(
            f"{service}-api",
            ["-m", f"{service}_service", "api"],
            self.environment(service),
            stage=SERVICE_STAGE,
            address=self.settings.url_of(service),
            ready=_answers(self.settings.port_of(service), "/readyz"),
        )

    def worker(self, service: str) -> Part:
        port = self._ports[f"{service}-worker"]
        return self._program(
            f"{service}-worker",
            ["-m", f"{service}_service", "worker"],
            self.environment(service),
            stage=SERVICE_STAGE,
            address=f"http://127.0.0.1:{port}",
            ready=_answers(port, "/readyz"),
        )

    def _program(
        self,
        name: str,
        arguments: list[str],
        environment: Mapping[str, str],
        *,
        stage: int,
        address: str | None,
        ready: Callable[[Process], bool],
    ) -> Part:
        process = Process(
            name,
            [sys.executable, *arguments],
            log=self.logs / f"{name}.log",
            env={**inherited(), **environment},
            grace_s=_DRAIN_S,
        )

        def start() -> None:
            process.start()
            _wait(process, ready)

        return Part(name, process, start, stage, address)

    def _job(self, name: str, arguments: list[str], environment: Mapping[str, str], within_s: float = 60.0) -> Job:
        log = self.logs / f"{name}.log"
        argv = [sys.executable, *arguments]
        return Job(name, Process(name, argv, log=log, env={**inherited(), **environment}), within_s)

    def _common(self) -> dict[str, str]:
        common = {
            "VAULT_KEY": self._secrets.vault_key,
            "CURSOR_KEY": self._secrets.cursor_key,
            "TRANSPORT": self.settings.transport,
            "ISSUER": self.issuer_url,
            "JWKS_URL": f"{self.issuer_url}/jwks.json",
            "TOKEN_URL": f"{self.issuer_url}/token",
            "AUDIENCE": AUDIENCE,
            "LOG_LEVEL": "INFO",
            **{f"{service.upper()}_URL": self.settings.url_of(service) for service in SERVICES},
        }
        if self.settings.clock == "test":
            common |= {"CLOCK": "test", "CLOCK_FILE": str(clock_file(self.settings.data))}
        if self.settings.transport == "kafka":
            common["KAFKA_BOOTSTRAP_SERVERS"] = self.cluster.bootstrap_servers
        return common

    def environment(self, service: str) -> dict[str, str]:
        """The settings of a service's processes and one-shot jobs."""
        own = service.upper()
        environment = {
            **self._common(),
            f"{own}_DATABASE_URL": self.server.dsn(service, f"{service}_api"),
            f"{own}_WORKER_DATABASE_URL": self.server.dsn(service, f"{service}_worker"),
            f"{own}_OWNER_DATABASE_URL": self.server.dsn(service, f"{service}_owner"),
            "VAULT_DATABASE_URL": self.server.dsn("vault", f"{service}_api"),
            f"{own}_HOST": "127.0.0.1",
            f"{own}_PORT": str(self.settings.port_of(service)),
            f"{own}_WORKER_PORT": str(self._ports[f"{service}-worker"]),
            f"{own}_CLIENT_ID": client_id(service),
            f"{own}_CLIENT_SECRET": self._secrets.clients[client_id(service)],
        }
        if service == "notification":
            environment |= {
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(self._ports["smtp"]),
                "MAIL_FROM": "Accounts Receivable <ar@redress.example>",
            }
        return environment


def _wait(process: Process, ready: Callable[[Process], bool]) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not ready(process):
        if not process.running:
            raise RuntimeError(f"{process.name} ended with {process.exit_code}:\n{log_tail(process.log)}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.name} was not ready after {_READY_WITHIN_S:.0f} s (see {process.log})")
        time.sleep(0.05)


def _listening(port: int) -> Callable[[Process], bool]:
    return lambda process: process.running and process.listens_on(port)


def _answers(port: int, path: str) -> Callable[[Process], bool]:
    def ready(process: Process) -> bool:
        # Checked first: on a port that another process took a moment ago, that process would answer.
        if not process.running or not process.listens_on(port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready
