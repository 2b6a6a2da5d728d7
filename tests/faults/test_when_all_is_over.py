"""After everything the other tests have done to one deployment: every invariant holds. This file runs last."""

import shutil
from typing import Any

import asyncpg

from faults.audit.audit import audit
from faults.client import canary
from faults.deployment import Deployment
from faults.history import Checkpoint, DrainReport, FaultsOver, Measurement, ReceivedAnswer


async def test_every_invariant_holds_after_all_faults(deployment: Deployment) -> None:
    deployment.history.add(FaultsOver())
    seconds = await deployment.comes_to_rest(within_s=90.0)
    deployment.history.add(DrainReport(seconds=seconds))
    deployment.measure()
    await deployment.note_checkpoints()
    deployment.history.flush()
    verdict = await audit(deployment.address)
    print(verdict)
    assert verdict.broken == [], str(verdict)


async def test_what_is_broken_on_purpose_is_named(deployment: Deployment) -> None:
    """One damage per invariant, done past all guards, as the superuser may."""
    async with deployment.database("dispute") as dispute:
        await _damage_disputes(dispute)
    async with deployment.database("collections") as collections:
        await collections.execute("ALTER TABLE es.event DISABLE TRIGGER USER")
        await collections.execute(
            "UPDATE es.event SET payload = convert_to(replace(convert_from(payload, 'UTF8'),"
            ' \'"amount":{"minor":\', \'"amount":{"minor":9\'), \'UTF8\') WHERE id ='
            " (SELECT id FROM es.event WHERE type = 'payment-received' ORDER BY id LIMIT 1)"
        )  # I16, and I11
    mails = sorted(deployment.blueprint.mail_folder.glob("*.eml"))
    shutil.copy(mails[0], mails[0].with_name("copy.eml"))  # I9
    stranger = mails[1].read_bytes().replace(b"canary-", b"canary-stranger-canary canary-")
    mails[1].write_bytes(stranger)
    history = deployment.history
    history.add(Checkpoint(service="dispute", consumer="relay", shard=0, seq=0))  # I8: it was further before
    history.add(Measurement(process="dispute-api", pid=1, rss_bytes=2**40, open_files=1))  # I13
    history.add(DrainReport(seconds=99.0))  # I14
    told: dict[str, Any] = {"key": "k", "tenant": "t", "service": "dispute", "attempt": 1}
    history.add(ReceivedAnswer(status=500, body="Traceback", **told))  # I15
    history.add(ReceivedAnswer(status=201, body='{"n": 1}', **told))
    history.add(ReceivedAnswer(status=201, body=f'{{"n": "{canary("stranger")}"}}', **told))  # I2, I1, I12
    history.flush()
    verdict = await audit(deployment.address)
    broken = {"I1", "I2", "I3", "I4", "I5", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "I16", "I17"}
    assert set(verdict.broken) == broken, str(verdict)
    first = verdict.violations[0]
    assert (first.invariant, first.service, first.key) == ("I1", "dispute", "k")


async def _damage_disputes(connection: asyncpg.Connection) -> None:
    await connection.execute("ALTER TABLE es.event DISABLE TRIGGER USER; ALTER TABLE es.log DISABLE TRIGGER USER")
    await connection.execute(
        "UPDATE es.stream SET version = version + 1 WHERE stream_id ="
        " (SELECT stream_id FROM es.stream WHERE stream_type = 'dispute' AND version > 0 ORDER BY stream_id LIMIT 1)"
    )  # I3
    await connection.execute("UPDATE es.log_head SET seq = seq + 1")  # I4
    pair = await connection.fetchrow(
        "SELECT one.seq, two.seq FROM es.log one JOIN es.event e1 ON e1.id = one.id"
        " JOIN es.event e2 ON e2.stream_id = e1.stream_id AND e2.version = e1.version + 1"
        " JOIN es.log two ON two.id = e2.id LIMIT 1"
    )
    assert pair is not None
    a, b = pair
    rows = await connection.fetch("SELECT seq, id FROM es.log WHERE seq IN ($1, $2)", a, b)
    ids = {row["seq"]: row["id"] for row in rows}
    await connection.execute("UPDATE es.log SET id = -1 WHERE seq = $1", a)
    await connection.execute("UPDATE es.log SET id = $2 WHERE seq = $1", b, ids[a])
    await connection.execute("UPDATE es.log SET id = $2 WHERE seq = $1", a, ids[b])  # I5
    await connection.execute(
        "UPDATE read.dispute_current SET open_minor = open_minor + 1 WHERE stream_id ="
        " (SELECT stream_id FROM read.dispute_current LIMIT 1)"
    )  # I7
    await connection.execute(
        "UPDATE es.timer SET state = 'fired', fired_at = due_at - interval '1 s' WHERE timer_id ="
        " (SELECT timer_id FROM es.timer LIMIT 1)"
    )  # I10
    await connection.execute(
        "UPDATE es.event SET meta = '{}' WHERE id = (SELECT max(id) FROM es.event)"
    )  # I17, and I11
