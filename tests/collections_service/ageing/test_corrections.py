"""Past ageing stays as it was when a correction counts from its day, and changes visibly when it mends an error."""

from datetime import timedelta
from typing import Any

from support.collections_office import Office, correction, dispute_event, invoice, payment

from redress.ids import public_id

HUNDRED = invoice(total="100.00", issued_on="2026-01-02", due_on="2026-02-01")
TO_150 = correction(total="150.00", due_on="2026-06-01", corrected_on="2026-04-01")


async def aged(office: Office, as_of: str, **asked: Any) -> tuple[str, str, int]:
    """The bucket that has it all, its amount, and how many invoices were corrected."""
    (row,) = (await office.get("/v1/ageing", as_of=as_of, **asked))["rows"]
    ((bucket, amount),) = [(b["bucket"], b["open"]["amount"]) for b in row["buckets"] if b["open_invoices"]]
    return bucket, amount, row["corrected_invoices"]


async def single_and_listed(office: Office, as_of: str, **asked: Any) -> dict[str, Any]:
    """What both say of it: the same."""
    one = await office.get("/v1/invoices/INV-1", as_of=as_of, **asked)
    (listed,) = (await office.get("/v1/invoices", as_of=as_of, **asked))["items"]
    assert {name: one[name] for name in listed} == listed
    return one


async def test_an_invoice_that_grew_in_april_is_as_late_in_march_as_it_was(office: Office) -> None:
    await office.accepted(HUNDRED, TO_150)
    await office.follow()

    assert await aged(office, "2026-03-01") == ("1-30", "100.00", 0)
    assert await aged(office, "2026-03-31") == ("31-60", "100.00", 0)
    assert await aged(office, "2026-04-01") == ("current", "150.00", 0)
    assert await aged(office, "2026-04-02") == ("current", "150.00", 0)
    march = await single_and_listed(office, "2026-03-01")
    assert (march["due_on"], march["open"]["amount"], march["total"]["amount"], march["days_overdue"]) == (
        "2026-02-01",
        "100.00",
        "100.00",
        28,
    )
    assert march["corrected"] is None
    april = await single_and_listed(office, "2026-04-02")
    assert (april["due_on"], april["open"]["amount"], april["total"]["amount"]) == ("2026-06-01", "150.00", "150.00")
    position = await office.get("/v1/customers/C-1", as_of="2026-03-01")
    assert position["positions"][0]["overdue"]["amount"] == "100.00"


async def test_an_error_from_the_start_changes_the_past_and_says_so(office: Office) -> None:
    await office.accepted(HUNDRED, {**TO_150, "corrects_from_start": True})
    await office.follow()

    assert await aged(office, "2026-03-01") == ("current", "150.00", 1)
    assert await aged(office, "2026-04-01") == ("current", "150.00", 0)
    march = await single_and_listed(office, "2026-03-01")
    (mended,) = [event for event in await office.log.read_log(0, 100) if event.type == "invoice-corrected"]
    assert march["corrected"] == {"event_id": public_id("evt", mended.event_id), "corrected_on": "2026-04-01"}
    assert (march["due_on"], march["open"]["amount"]) == ("2026-06-01", "150.00")
    assert (await single_and_listed(office, "2026-04-01"))["corrected"] is None


async def test_what_was_known_before_the_correction_does_not_change(office: Office) -> None:
    await office.accepted(HUNDRED)
    await office.accepted({**TO_150, "corrects_from_start": True})
    await office.follow()
    *_, correcting = await office.log.read_log(0, 100)
    before = (correcting.recorded_at - timedelta(microseconds=1)).isoformat()

    assert await aged(office, "2026-03-01", known_at=before) == ("1-30", "100.00", 0)
    known = await single_and_listed(office, "2026-03-01", known_at=before)
    assert (known["due_on"], known["open"]["amount"], known["corrected"]) == ("2026-02-01", "100.00", None)


async def test_a_due_date_that_moved_twice_is_known_by_day_and_by_hearing(office: Office) -> None:
    await office.accepted(HUNDRED)
    await office.accepted(correction(due_on="2026-05-01", corrected_on="2026-04-01", source_event_id="first"))
    await office.accepted(correction(due_on="2026-06-01", corrected_on="2026-03-01", source_event_id="recorded late"))
    await office.follow()
    *_, late = await office.log.read_log(0, 100)
    before = (late.recorded_at - timedelta(microseconds=1)).isoformat()

    async def dues(**asked: Any) -> list[str]:
        days = ("2026-02-28", "2026-03-01", "2026-04-01")
        return [(await single_and_listed(office, day, **asked))["due_on"] for day in days]

    assert await dues() == ["2026-02-01", "2026-06-01", "2026-06-01"]
    assert await dues(known_at=before) == ["2026-02-01", "2026-02-01", "2026-05-01"]


async def test_the_hold_of_a_day_has_the_due_date_of_that_day(office: Office) -> None:
    await office.accepted(HUNDRED, TO_150)
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 3_000}))
    await office.follow()

    async def due(as_of: str) -> str:
        (held,) = (await office.get("/v1/holds", as_of=as_of))["items"]
        return str(held["due_on"])

    assert (await due("2026-03-01"), await due("2026-04-01")) == ("2026-02-01", "2026-06-01")


async def test_a_total_that_went_down_and_a_payment_before_it_add_up_on_every_day(office: Office) -> None:
    await office.accepted(HUNDRED, payment(amount="30.00", received_on="2026-02-10"))
    await office.accepted(correction(total="60.00", corrected_on="2026-04-01"))
    await office.follow()

    amounts = [(await single_and_listed(office, day))["open"]["amount"] for day in ("2026-02-09", "2026-03-31")]
    assert [*amounts, (await single_and_listed(office, "2026-04-01"))["open"]["amount"]] == ["100.00", "70.00", "30.00"]
    assert await aged(office, "2026-04-01") == ("31-60", "30.00", 0)


async def test_a_correction_of_a_day_to_come_does_not_count_now(office: Office) -> None:
    await office.accepted(HUNDRED, correction(due_on="2026-12-31", corrected_on="2026-11-24"))  # today is the 23rd
    await office.hear(dispute_event("dispute-opened", version=1, open={"INV-1": 3_000}))
    await office.follow()

    (listed,) = (await office.get("/v1/invoices"))["items"]
    (held,) = (await office.get("/v1/holds"))["items"]
    single = await office.get("/v1/invoices/INV-1")
    assert {listed["due_on"], held["due_on"], single["due_on"]} == {"2026-02-01"}
    assert listed["days_overdue"] == single["days_overdue"] == 295
    assert await aged(office, "2026-11-23") == ("91+", "100.00", 0)
    assert await aged(office, "2026-11-24") == ("current", "100.00", 0)
