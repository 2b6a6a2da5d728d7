"""The time of a stack that runs with CLOCK=test: it is moved by hand, everywhere at once, and never goes back."""

import asyncio
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from support.company import REDRESS, Company, free_ports, redress, running_stack, status

from redress.clock import SystemClock
from redress_local.advance import StandsStill, advance
from redress_local.stack_clock import (
    WrongClock,
    ahead_of_machine,
    duration,
    moment,
    own_clock,
    prepare_clock,
    set_clock_file,
    stack_clock,
)

SOON = timedelta(minutes=2)
LEADS = {"pricing": "paula", "billing": "bela"}


def _clock(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [REDRESS, "clock", *arguments],
        env={**os.environ, "DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _an_invoice(number: str) -> dict[str, Any]:
    return {
        "kind": "invoice-posted",
        "source": "erp-1",
        "source_event_id": f"posted-{number}",
        "legal_entity": "DE01",
        "customer": {"id": "C-1", "name": "Muster GmbH"},
        "invoice_id": number,
        "issued_on": "2026-01-02",
        "due_on": "2026-02-01",
        "currency": "EUR",
        "total": "500.00",
    }


async def _assigned(company: Company, invoice: str, reason: str) -> str:
    body = {
        "customer_id": "C-1",
        "items": [{"invoice_id": invoice, "amount": {"amount": "100.00", "currency": "EUR"}}],
        "reason_code": reason,
        "description": "Es stimmt nicht.",
        "origin": "phone",
    }
    answer = await company.post("dispute", "/v1/disputes", body, "analyst", expect=201)
    dispute = str(answer.json()["dispute_id"])
    await company.command(dispute, "assign", {})
    return dispute


async def _leads(company: Company) -> None:
    for team, lead in LEADS.items():
        for entry, more in ((lead, {}), (f"team:{team}", {"lead": lead})):
            answer = await company.client.put(
                f"{company.urls['notification']}/v1/directory/{entry}",
                json={"name": entry, "email": f"{entry.replace(':', '-')}@acme.example", "language": "en", **more},
                headers=company._auth("admin") | {"Idempotency-Key": f"lead-{entry}"},
            )
            assert answer.is_success, answer.text


async def _breached_at(company: Company, dispute: str) -> datetime:
    entries = (await company.get("dispute", f"/v1/disputes/{dispute}/events"))["items"]
    breach = next(entry for entry in entries if entry["type"] == "sla-breached")
    return datetime.fromisoformat(breach["recorded_at"])


async def _nothing_moves_while_somebody_is_behind(data: Path) -> None:
    worker = next(part["pid"] for part in status(data)["parts"] if part["name"] == "dispute-worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        with pytest.raises(StandsStill, match="for 1 s nothing has moved, and still to be done is dispute-worker"):
            await advance(data, stack_clock(data).now() + timedelta(days=21), say=print, patience_s=1.0)
    finally:
        os.kill(worker, signal.SIGCONT)
    assert stack_clock(data).now() - SystemClock().now() < SOON


@pytest.mark.parametrize("transport", ["kafka", "feed"])
async def test_a_moved_clock_fires_what_is_due_in_its_order_and_at_its_time(tmp_path: Path, transport: str) -> None:
    data = tmp_path / "data"
    async with running_stack(data, transport, free_ports(), clock="test") as company:
        await _leads(company)
        assert await company.erp(_an_invoice("R-1"), _an_invoice("R-2")) == ["accepted"] * 2
        longer = await _assigned(company, "R-1", "PRICE")  # a working week
        shorter = await _assigned(company, "R-2", "DUPLICATE")  # three days
        due = {
            each: datetime.fromisoformat((await company.get("dispute", f"/v1/disputes/{each}"))["sla_due_at"])
            for each in (longer, shorter)
        }
        assert due[shorter] < due[longer]

        await _nothing_moves_while_somebody_is_behind(data)
        begun = SystemClock().now()
        moved = await asyncio.to_thread(_clock, data, "advance", "21d")
        assert moved.returncode == 0, moved.stderr
        steps = [line.split()[0] for line in moved.stdout.splitlines() if "timer of sla" in line]
        assert steps == [f"{due[each]:%Y-%m-%dT%H:%M:%SZ}" for each in (shorter, longer)]

        # A token of three weeks ago has expired, as it would have; a new one is of today.
        expired = await company.client.get(f"{company.urls['dispute']}/v1/disputes", headers=company._auth("auditor"))
        assert expired.status_code == 401
        today = company.of(company.tenant)
        for dispute, lead in ((shorter, "bela"), (longer, "paula")):
            assert timedelta(0) <= await _breached_at(today, dispute) - due[dispute] < SOON
            (mail,) = company.mails(f"{lead}@acme.example")
            assert timedelta(seconds=-1) <= parsedate_to_datetime(str(mail["Date"])) - due[dispute] < SOON

        told = datetime.fromisoformat(redress(data, "clock").strip())
        assert abs(told - begun - timedelta(days=21)) < SOON + (SystemClock().now() - begun)
        assert datetime.fromisoformat(status(data)["test_clock"]) >= told
        back = _clock(data, "set", f"{begun:%Y-%m-%dT%H:%M:%SZ}")
        assert back.returncode == 2
        assert "time does not go back" in back.stderr

    with pytest.raises(RuntimeError, match="time does not go back"):
        async with running_stack(data, transport, free_ports()):
            pass


def test_a_stack_on_the_machines_clock_has_no_file_of_its_own(tmp_path: Path) -> None:
    prepare_clock(tmp_path, "test")
    prepare_clock(tmp_path, "system")
    assert own_clock(tmp_path) is None


def test_a_folder_that_has_seen_the_future_does_not_start_in_the_present(tmp_path: Path) -> None:
    prepare_clock(tmp_path, "test")
    set_clock_file(tmp_path, timedelta(days=3))
    with pytest.raises(WrongClock, match=r"CLOCK=test.*DATA="):
        prepare_clock(tmp_path, "system")
    prepare_clock(tmp_path, "test")
    assert stack_clock(tmp_path).now() - SystemClock().now() > timedelta(days=2, hours=23)


def test_the_clock_moves_forward_and_at_most_ten_years(tmp_path: Path) -> None:
    prepare_clock(tmp_path, "test")
    set_clock_file(tmp_path, timedelta(days=3))
    now = stack_clock(tmp_path).now()
    with pytest.raises(WrongClock, match="time does not go back"):
        ahead_of_machine(tmp_path, now - timedelta(seconds=1))
    with pytest.raises(WrongClock, match="ten years"):
        ahead_of_machine(tmp_path, now + timedelta(days=3700))
    ahead = ahead_of_machine(tmp_path, now + timedelta(days=1))
    assert timedelta(days=4) - timedelta(seconds=5) < ahead <= timedelta(days=4)


def test_without_a_test_clock_there_is_nothing_to_move(tmp_path: Path) -> None:
    refused = _clock(tmp_path, "advance", "3d")
    assert refused.returncode == 2
    assert "make run CLOCK=test" in refused.stderr


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("3d", timedelta(days=3)),
        ("2h", timedelta(hours=2)),
        ("45m", timedelta(minutes=45)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("1d2h3m", timedelta(days=1, hours=2, minutes=3)),
    ],
)
def test_a_duration_is_days_hours_and_minutes(text: str, means: timedelta) -> None:
    assert duration(text) == means


@pytest.mark.parametrize("text", ["", "3", "-3d", "3 d", "2h3d", "3s", "1.5d", "99999999999d", "٣d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(WrongClock, match="write 3d, 2h, 45m"):
        duration(text)


def test_a_moment_names_its_offset() -> None:
    assert moment("2026-12-24T08:00:00Z") == datetime(2026, 12, 24, 8, tzinfo=UTC)
    assert moment("2026-12-24T09:00:00+01:00") == datetime(2026, 12, 24, 8, tzinfo=UTC)
    for text in ("2026-12-24T08:00:00", "2026-12-24", "tomorrow", "9999-12-31T23:59:59-05:00"):
        with pytest.raises(WrongClock, match="write a moment as"):
            moment(text)
