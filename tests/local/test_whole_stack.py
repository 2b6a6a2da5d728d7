"""The stack as a newcomer meets it: the simulated company, the commands, a part that dies, stop and start again."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
from support.company import REDRESS, Company, free_ports, redress, running_stack, status
from support.eventually import eventually

LEDGER = """countryCode,customerID,PaperlessDate,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,Disputed,SettledDate
391,A-1,4/6/2013,1001,1/2/2013,2/1/2013,55.94,No,1/15/2013
406,A-2,3/3/2012,1002,1/26/2013,2/25/2013,61.74,Yes,3/3/2013
406,A-2,3/3/2012,1003,2/26/2013,3/28/2013,100.00,Yes,
391,A-1,1/1/2012,1004,1/2/2013,2/1/2013,much,No,1/15/2013
391,A-3,1/1/2012,1005,3/2/2013,4/1/2013,-12.00,No,
"""


async def _disputes(company: Company) -> list[dict[str, Any]]:
    page = await company.get("dispute", "/v1/disputes", limit=200)
    items: list[dict[str, Any]] = page["items"]
    return items


async def test_a_newcomers_first_hour(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_ports()
    async with running_stack(data, "feed", port, demo=True) as stack:
        demo = stack.of("demo")
        disputes = await _disputes(demo)
        assert len(disputes) == 27 + 11  # what was reported, and what short payments opened by themselves
        assert {d["origin"] for d in disputes} == {"email", "phone", "portal", "short_pay"}

        async def both_currencies_are_aged() -> bool:
            ageing = await demo.get("collections", "/v1/ageing", "analyst")
            return [row["currency"] for row in ageing["rows"]] == ["EUR", "USD"]

        await eventually(both_currencies_are_aged)
        assert any((data / "mail").glob("*.eml"))

        seen = status(data)
        assert {part["health"] for part in seen["parts"]} == {"ok"}
        assert {part["name"] for part in seen["parts"]} >= {"postgres", "dispute-api", "notification-worker"}

        await _a_killed_part_comes_back(data)
        await _an_imported_ledger_is_reported_line_by_line(stack.of("ledger"), tmp_path)
        pids = [part["pid"] for part in status(data)["parts"]]
    assert [pid for pid in pids if _is_alive(pid)] == []

    async with running_stack(data, "feed", port, demo=True) as stack:
        assert len(await _disputes(stack.of("demo"))) == 38


async def _a_killed_part_comes_back(data: Path) -> None:
    def worker() -> dict[str, Any]:
        found: dict[str, Any] = next(p for p in status(data)["parts"] if p["name"] == "collections-worker")
        return found

    before = worker()
    os.kill(before["pid"], signal.SIGKILL)

    async def is_back() -> bool:
        done = subprocess.run(
            [REDRESS, "status", "--json"], env={**os.environ, "DATA": str(data)}, capture_output=True, check=False
        )
        now = next(p for p in json.loads(done.stdout)["parts"] if p["name"] == "collections-worker")
        return bool(now["health"] == "ok" and now["restarts"] == 1 and now["pid"] != before["pid"])

    await eventually(is_back, within_s=60)


async def _an_imported_ledger_is_reported_line_by_line(company: Company, folder: Path) -> None:
    ledger, rejected = folder / "ledger.csv", folder / "rejected.csv"
    ledger.write_text(LEDGER)
    command = [REDRESS, "import-ledger", str(ledger), "--tenant", company.tenant, "--rejected-to", str(rejected)]
    environment = {**os.environ, "DATA": str(company.data)}
    first = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert first.returncode == 1, first.stderr  # two lines were refused
    assert "rows: 5 sent, 3 accepted, 0 duplicate, 2 rejected, 0 waiting" in first.stdout
    head, unreadable, refused = rejected.read_text().splitlines()
    assert head == "line,reason"
    assert unreadable == "5,InvoiceAmount: 'much' is not a decimal amount such as 1234.50"
    assert refused.startswith("6,invoice: ")

    resolved, still_open = sorted(await _disputes(company), key=lambda d: d["opened_at"])
    assert (resolved["status"], resolved["resolution_code"]) == ("resolved", "CUSTOMER_PAID")
    assert still_open["status"] == "open"
    assert await company.holds("A-2") == {"1003": "100.00"}

    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "rows: 5 sent, 0 accepted, 3 duplicate, 2 rejected, 0 waiting" in second.stdout
    assert len(await _disputes(company)) == 2
    assert redress(company.data, "token", "--role", "analyst").count(".") == 2


def _is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
