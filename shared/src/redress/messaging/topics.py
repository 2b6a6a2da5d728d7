"""The topics of a deployment, read from `deploy/kafka/topics.yaml`; `Broker.make_topics` brings a cluster to them."""

from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from redress.contracts.envelope import PARTITIONS
from redress.messaging.port import TopicSpec

OUR_TOPICS = "redress."
DEAD_LETTERS = ".dlq"


class _Topic(Struct, forbid_unknown_fields=True):
    partitions: int | None = None
    replication: int | None = None
    settings: dict[str, Any] = {}


class _Defaults(Struct, forbid_unknown_fields=True):
    partitions: int
    replication: int
    settings: dict[str, Any] = {}


class _File(Struct, forbid_unknown_fields=True):
    defaults: _Defaults
    topics: dict[str, _Topic]


def read_topics(file: Path, *, replication: int | None = None) -> list[TopicSpec]:
    """The topics of a file. `replication` overrides it for small clusters; min.insync.replicas follows it down.

    ValueError for a file that says something unknown, or another number of partitions for one of our topics.
    """
    try:
        described = msgspec.convert(yaml.safe_load(file.read_text("utf-8")), _File)
    except (msgspec.ValidationError, yaml.YAMLError) as wrong:
        raise ValueError(f"{file}: {wrong}") from wrong
    return [_spec(name, topic, described.defaults, replication) for name, topic in described.topics.items()]


def _spec(name: str, topic: _Topic, defaults: _Defaults, replication: int | None) -> TopicSpec:
    partitions = topic.partitions or defaults.partitions
    if name.startswith(OUR_TOPICS) and not name.endswith(DEAD_LETTERS) and partitions != PARTITIONS:
        raise ValueError(f"{name}: {partitions} partitions; the checkpoints are made for {PARTITIONS}")
    copies = replication or topic.replication or defaults.replication
    settings = {**defaults.settings, **topic.settings}
    in_sync = "min.insync.replicas"
    if in_sync in settings:
        settings[in_sync] = min(int(settings[in_sync]), max(1, copies - 1))
    return TopicSpec(name, partitions, copies, {key: _text(value) for key, value in settings.items()})


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
