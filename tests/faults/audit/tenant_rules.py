"""I12: no byte of one company reaches another, and nothing personal leaves a service unsealed.

Every company's names and texts contain a word of its own; it is looked for wherever it must not be.
"""

import email
import email.policy
import re

from faults.audit.report import Finding
from faults.audit.topic_rules import Topics
from faults.audit.world import World
from faults.history import ReceivedAnswer

_CANARY = re.compile(r"canary-([a-z0-9-]+?)-canary")


async def tenant_rules(world: World, topics: Topics) -> list[Finding]:
    return [
        _answers(world),
        _mails(world),
        _topics(topics),
        *[await _stored(world, service) for service in world.databases],
    ]


def _answers(world: World) -> Finding:
    finding = Finding("I12", "clients", "no answer to one company contains a word of another")
    for line in world.history():
        if isinstance(line, ReceivedAnswer):
            strangers = {name for name in _CANARY.findall(line.body) if name != line.tenant}
            finding.must(not strangers, f"an answer to {line.tenant} speaks of {strangers}", key=line.key)
    return finding


def _mails(world: World) -> Finding:
    finding = Finding("I12", "notification", "no mail to one company contains a word of another")
    for path in world.mail.glob("*.eml"):
        raw = path.read_bytes()
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        body = mail.get_body(("plain",))
        text = f"{mail['To']} {body.get_content() if body is not None else ''}"
        to = str(mail["X-Envelope-To"]).rpartition("@")[2].removesuffix(".example")
        strangers = {name for name in _CANARY.findall(text) if name != to}
        finding.must(not strangers, f"{path.name} speaks of {strangers}")
    return finding


def _topics(topics: Topics) -> Finding:
    finding = Finding("I12", "topics", "nothing personal is published unsealed")
    for service, messages in topics.messages.items():
        for message in messages:
            found = _CANARY.search(str(message.data))
            finding.must(found is None, f"{service}'s {message.type} says {found and found.group()}", seq=message.seq)
    return finding


async def _stored(world: World, service: str) -> Finding:
    finding = Finding("I12", service, "nothing personal is stored unsealed, and every stream belongs to one company")
    rows = await world.rows(
        service,
        "SELECT stream_id, version FROM es.event WHERE position('canary-'::bytea IN payload) > 0"
        " OR position('canary-'::bytea IN meta) > 0 LIMIT 20",
    )
    finding.look(await world.value(service, "SELECT count(*) FROM es.event"))
    for stream, version in rows:
        finding.violated("an event contains plain personal text", stream=stream, version=version)
    mixed = await world.rows(
        service,
        "SELECT e.stream_id, e.version FROM es.event e JOIN es.stream s USING (stream_id)"
        " WHERE e.tenant_id <> s.tenant_id LIMIT 20",
    )
    for stream, version in mixed:
        finding.violated("an event of another company than its stream's", stream=stream, version=version)
    return finding
