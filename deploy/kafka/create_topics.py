"""Make the topics of topics.yaml: a job for deployments. Running it again changes nothing.

KAFKA_BOOTSTRAP_SERVERS says where; TOPIC_REPLICATION overrides the number of copies (1 on a single node).
"""

import asyncio
import os
import sys
from pathlib import Path

from redress.messaging.kafka import KafkaBroker
from redress.messaging.port import BrokerUnavailable
from redress.messaging.topics import read_topics

TOPICS = Path(__file__).with_name("topics.yaml")


def main() -> int:
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        print("KAFKA_BOOTSTRAP_SERVERS is missing: the addresses of the brokers, host:port,host:port", file=sys.stderr)
        return 2
    replication = os.environ.get("TOPIC_REPLICATION")
    try:
        topics = read_topics(TOPICS, replication=int(replication) if replication else None)
        created = asyncio.run(KafkaBroker(servers, client_id="redress-topics").make_topics(topics))
    except (ValueError, BrokerUnavailable) as failure:
        print(f"the topics were not made: {failure}", file=sys.stderr)
        return 1
    print(f"{len(created)} topics created, {len(topics) - len(created)} were there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
