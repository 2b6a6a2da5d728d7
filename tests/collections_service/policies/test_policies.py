"""Policies over HTTP, from the draft to the payment that is decided by it."""

from datetime import date
from typing import Any, cast

import httpx2 as httpx
import msgspec
import pytest
from support.clock import SetClock
from support.collections_office import Office, invoice, payment
from support.policies import citations

from collections_service.service import SERVICE
from redress.contracts.collections_events import CollectionsEvent, ShortPaymentDetected
from redress.ids import new_uuid
from redress.service.composition import publication

TOLERANCE = "/v1/policies/short-payment-tolerance"
BUCKETS = "/v1/policies/ageing-buckets"
TODAY = date(2026, 11, 23)  # where the office's clock stands
DECIDED = ("payment-received", "payment-applied", "remainder-left", "short-payment-detected")


async def send(
    office: Office, path: str, body: object, *, role: str = "admin", tenant: str = "demo", **headers: str
) -> httpx.Response:
    given = {"Idempotency-Key": str(new_uuid()), **office.issuer.bearer(role, tenant=tenant), **headers}
    return await office.http.post(path, json=body, headers=given)


async def publish(
    office: Office, path: str, document: object, *, scope: str = "", effective_from: date = TODAY
) -> dict[str, Any]:
    draft = {"scope": scope, "effective_from": str(effective_from), "document": document, "comment": "Agreed in May."}
    drafted = await send(office, f"{path}/draft", draft)
    assert drafted.status_code == 200, drafted.text
    published = await send(office, f"{path}/publish", {"scope": scope})
    assert published.status_code == 200, published.text
    return cast("dict[str, Any]", published.json())


def tolerance(at_least: str, percent: str = "0") -> dict[str, str]:
    return {"at_least": at_least, "percent": percent, "difference_at_most": "0", "difference_percent": "0"}


async def pay(office: Office, number: int, short_by: str, **fields: object) -> None:
    """Invoice and payment `number`, of which `short_by` of 1,000.00 is missing, with a reason for it."""
    paid = f"{1000 - float(short_by):.2f}"
    name = f"INV-{number}"
    said = {"received_on": str(TODAY), "remittance_reason": "damaged", **fields}
    await office.accepted(invoice(name), payment(f"P-{number}", paid, {name: paid}, **said))


async def decided(office: Office) -> dict[str, tuple[str, ...]]:
    await office.sequenced()
    return await citations(office.worker_log, *DECIDED)


async def test_the_built_in_policies_are_version_1(office: Office) -> None:
    answer = await office.get(TOLERANCE)
    assert (answer["version"], answer["drafts"], answer["scope_kinds"]) == (0, [], ["customer"])
    (in_force,) = answer["in_force"]
    assert (in_force["version"], in_force["published_at"]) == (1, None)
    assert in_force["document"] == tolerance("1.00", "0.5")
    every = await office.get("/v1/policies")
    assert [each["id"] for each in every["items"]] == ["short-payment-tolerance", "ageing-buckets"]
    missing = await office.get("/v1/policies/generosity", status=404)
    assert (missing["code"], missing["policies"]) == (
        "no_such_policy",
        ["short-payment-tolerance", "ageing-buckets"],
    )


async def test_a_payment_is_decided_by_the_version_in_force_and_cites_it(office: Office) -> None:
    await pay(office, 1, "30.00")
    assert set((await decided(office)).values()) == {("short-payment-tolerance@1",)}
    await publish(office, TOLERANCE, tolerance("25.00"))
    await pay(office, 2, "25.00")
    await pay(office, 3, "25.01")
    assert await decided(office) == dict.fromkeys(DECIDED, ("short-payment-tolerance@2",))
    short = await published_short_payments(office)
    assert [(each.invoice.invoice_id, each.tolerance_policy) for each in short] == [
        ("INV-1", "short-payment-tolerance@1"),
        ("INV-3", "short-payment-tolerance@2"),
    ]


async def test_a_customer_may_have_a_tolerance_of_its_own(office: Office) -> None:
    await publish(office, TOLERANCE, tolerance("50.00"), scope="customer:C-1")
    await pay(office, 1, "40.00")
    assert (await decided(office))["remainder-left"] == ("short-payment-tolerance@2",)
    await pay(office, 2, "40.00", customer_id="C-2")
    assert (await decided(office))["short-payment-detected"] == ("short-payment-tolerance@1",)


async def test_a_policy_decides_from_its_day_on_and_never_about_the_days_before(
    office: Office, clock: SetClock
) -> None:
    await publish(office, TOLERANCE, tolerance("50.00"), effective_from=date(2026, 11, 24))
    await pay(office, 1, "40.00")
    assert (await decided(office))["short-payment-detected"] == ("short-payment-tolerance@1",)
    clock.advance(days=1)
    await pay(office, 2, "40.00", received_on="2026-11-24")
    assert (await decided(office))["remainder-left"] == ("short-payment-tolerance@2",)
    await pay(office, 3, "40.00", received_on="2026-11-23")  # told a day later
    assert (await decided(office))["payment-received"] == ("short-payment-tolerance@1",)


async def test_a_draft_is_seen_and_taken_back_and_decides_nothing(office: Office) -> None:
    draft = {"effective_from": str(TODAY), "document": tolerance("50.00")}
    drafted = await send(office, f"{TOLERANCE}/draft", draft)
    assert drafted.json()["drafts"][0]["document"] == tolerance("50.00")
    await pay(office, 1, "40.00")
    assert (await decided(office))["short-payment-detected"] == ("short-payment-tolerance@1",)
    assert (await send(office, f"{TOLERANCE}/discard-draft", {})).json()["drafts"] == []
    refused = await send(office, f"{TOLERANCE}/publish", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_policy_draft")


@pytest.mark.parametrize("day", [0, 1.5, "1796000000", "2026-12-01T09:00:00Z", "1.12.2026", "2026-02-30", None])
async def test_a_policy_begins_on_a_calendar_date(office: Office, day: object) -> None:
    draft = {"effective_from": day, "document": tolerance("50.00")}
    refused = await send(office, f"{TOLERANCE}/draft", draft)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/effective_from")


@pytest.mark.parametrize("document", [{}, {"at_least": "1.00", "percnt": "2"}, {**tolerance("1.00"), "per_cent": "2"}])
async def test_a_misspelt_field_of_a_policy_is_not_taken_for_silence(office: Office, document: object) -> None:
    refused = await send(office, f"{TOLERANCE}/draft", {"effective_from": str(TODAY), "document": document})
    assert (refused.status_code, refused.json()["code"]) == (422, "policy_not_acceptable")


async def test_the_same_key_changes_a_policy_once(office: Office) -> None:
    draft = {"effective_from": str(TODAY), "document": tolerance("50.00")}
    first, again = [await send(office, f"{TOLERANCE}/draft", draft, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (await office.get(TOLERANCE))["version"] == 1
    other = await send(office, f"{TOLERANCE}/draft", {**draft, "comment": "no"}, **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nobody_publishes_over_a_draft_they_have_not_seen(office: Office) -> None:
    draft = {"effective_from": str(TODAY), "document": tolerance("50.00")}
    await send(office, f"{TOLERANCE}/draft", draft)
    read = await office.http.get(TOLERANCE, headers=office.issuer.bearer("admin"))
    await send(office, f"{TOLERANCE}/draft", {**draft, "document": tolerance("900.00")})
    stale = await send(office, f"{TOLERANCE}/publish", {}, **{"If-Match": read.headers["ETag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    read = await office.http.get(TOLERANCE, headers=office.issuer.bearer("admin"))
    assert (await send(office, f"{TOLERANCE}/publish", {}, **{"If-Match": read.headers["ETag"]})).status_code == 200


async def test_only_an_administrator_changes_policies(office: Office) -> None:
    draft = {"effective_from": str(TODAY), "document": tolerance("50.00")}
    for role in ("analyst", "approver", "collector", "auditor", "erp"):
        refused = await send(office, f"{TOLERANCE}/draft", draft, role=role)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_what_cannot_be_meant_is_refused_with_its_places(office: Office) -> None:
    async def refused(path: str, **body: object) -> list[tuple[str, str]]:
        draft = {"effective_from": str(TODAY), **body}
        answer = await send(office, f"{path}/draft", draft)
        assert answer.status_code == 422, answer.text
        return [(answer.json()["code"], error["pointer"]) for error in answer.json()["errors"]]

    wrong = "policy_not_acceptable"
    both = {"at_least": "-1", "percent": "101"}
    assert await refused(TOLERANCE, document=both) == [(wrong, "#/document/at_least"), (wrong, "#/document/percent")]
    assert await refused(TOLERANCE, document={**both, "at_least": "much"}) == [(wrong, "#/document/at_least")]
    assert await refused(BUCKETS, document={"bounds": [0, 30, 30]}) == [(wrong, "#/document/bounds/2")]
    scoped = await refused(BUCKETS, document={"bounds": [0]}, scope="customer:C-1")
    assert scoped == [("policy_scope_not_allowed", "#/scope")]
    await send(office, f"{TOLERANCE}/draft", {"effective_from": "2026-11-22", "document": tolerance("2.00")})
    past = await send(office, f"{TOLERANCE}/publish", {})
    assert (past.status_code, past.json()["code"]) == (422, "policy_effective_in_past")


async def test_a_policy_is_read_as_of_a_day_and_as_known_at_an_instant(office: Office, clock: SetClock) -> None:
    await publish(office, TOLERANCE, tolerance("25.00"))
    await office.sequenced()
    between = (await office.log.read_log(await office.log.head() - 1, 1))[0].recorded_at
    clock.advance(days=2)
    await publish(office, TOLERANCE, tolerance("50.00"), effective_from=date(2026, 12, 1))

    async def in_force(**moment: Any) -> list[int]:
        return [each["version"] for each in (await office.get(TOLERANCE, **moment))["in_force"]]

    assert await in_force() == [2]
    assert await in_force(as_of="2026-12-01") == [3]
    assert await in_force(as_of="2026-11-22") == [1]
    assert await in_force(as_of="2026-12-01", known_at=between.isoformat()) == [2]
    versions = (await office.get(TOLERANCE))["versions"]
    assert [each["document"]["at_least"] for each in versions] == ["1.00", "25.00", "50.00"]


async def test_a_company_never_sees_the_policies_of_another_one(office: Office) -> None:
    await publish(office, TOLERANCE, tolerance("50.00"))
    assert len((await office.get(TOLERANCE, tenant="other"))["versions"]) == 1


async def test_the_ageing_report_has_the_buckets_of_the_policy_and_names_it(office: Office, clock: SetClock) -> None:
    await office.accepted(invoice(issued_on="2026-10-01", due_on="2026-11-13"))  # ten days overdue
    await office.follow()
    first = await office.get("/v1/ageing")
    assert first["policy"] == "ageing-buckets@1"
    clock.advance(minutes=1)
    await publish(office, BUCKETS, {"bounds": [0, 7, 14]})
    found = await office.get("/v1/ageing")
    assert (found["policy"], found["as_of"]) == ("ageing-buckets@2", str(TODAY))
    (row,) = found["rows"]
    assert [(each["bucket"], each["open"]["amount"]) for each in row["buckets"]] == [
        ("current", "0.00"),
        ("1-7", "0.00"),
        ("8-14", "1000.00"),
        ("15+", "0.00"),
    ]
    assert row["overdue"]["amount"] == "1000.00"
    (position,) = (await office.get("/v1/customers/C-1"))["positions"]
    assert [each["bucket"] for each in position["buckets"]] == ["current", "1-7", "8-14", "15+"]
    assert (await office.get("/v1/ageing", as_of="2026-11-22"))["policy"] == "ageing-buckets@1"
    assert (await office.get("/v1/ageing", known_at=first["known_at"]))["policy"] == "ageing-buckets@1"


async def published_short_payments(office: Office) -> list[ShortPaymentDetected]:
    await office.sequenced()
    published = await publication(SERVICE, office.log).publish(await office.log.read_log(0, 200))
    decoded = [msgspec.json.decode(event.data, type=CollectionsEvent) for event in published]
    return [each for each in decoded if isinstance(each, ShortPaymentDetected)]
