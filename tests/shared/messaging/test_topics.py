"""The topics file says what the applications rely on."""

from pathlib import Path

import pytest

from redress.contracts import collections_events, dispute_events, notification_events
from redress.contracts.envelope import PARTITIONS
from redress.messaging.topics import read_topics

FILE = Path(__file__).parents[3] / "deploy" / "kafka" / "topics.yaml"


def test_every_topic_that_a_service_publishes_has_the_partitions_of_the_checkpoints() -> None:
    topics = {topic.name: topic for topic in read_topics(FILE)}
    for name in (dispute_events.TOPIC, collections_events.TOPIC, notification_events.TOPIC):
        assert (topics[name].partitions, topics[name].replication) == (PARTITIONS, 3)
        assert topics[name].settings["min.insync.replicas"] == "2"
        assert topics[name].settings["unclean.leader.election.enable"] == "false"


def test_every_topic_but_the_dead_letters_has_dead_letters() -> None:
    names = {topic.name for topic in read_topics(FILE)}
    live = {name for name in names if not name.endswith(".dlq")}
    assert {"erp.invoices.v1", "erp.payments.v1"} <= live
    assert names - live == {f"{name}.dlq" for name in live}


def test_a_single_node_gets_one_copy_and_needs_one() -> None:
    for topic in read_topics(FILE, replication=1):
        assert (topic.replication, topic.settings["min.insync.replicas"]) == (1, "1")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("defaults: {partitions: 12, replication: 3}\ntopics: {redress.disputes.v1: {partitions: 6}}", "6 partitions"),
        ("defaults: {partitions: 12, replication: 3}\ntopics: {a: {copies: 2}}", "copies"),
        ("defaults: {partitions: 12}\ntopics: {}", "replication"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, wrong: str, named: str) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(wrong)
    with pytest.raises(ValueError, match=named):
        read_topics(file)
