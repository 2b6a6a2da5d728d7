"""The tolerance is a policy: published by a person, in force from a business date on, cited by every decision."""

from typing import Any

import httpx2 as httpx
import pytest
from support.collections_office import Office, invoice, payment

PATH = "/v1/policies/short-payment-tolerance"


async def change(office: Office, action: str, body: dict[str, Any], key: str) -> httpx.Response:
    headers = {**office.issuer.bearer("admin", tenant="demo"), "Idempotency-Key": key}
    return await office.http.post(f"{PATH}/{action}", json=body, headers=headers)


async def published(office: Office, at_least: str, *, scope: str = "", key: str = "first") -> None:
    body = {
        "scope": scope,
        "effective_from": "2026-11-23",
        "document": {"at_least": at_least, "percent": "0"},
    }
    for action, sent in (("draft", body), ("publish", {"scope": scope})):
        response = await change(office, action, sent, f"{key}-{action}")
        assert response.status_code == 200, response.text


async def judged(office: Office, payment_id: str) -> tuple[str, str]:
    """How the remainder of the payment was judged, and by which policy."""
    await office.sequenced()
    for event in await office.log.read_log(0, 500, types=["short-payment-detected", "remainder-tolerated"]):
        if f'"payment_id":"{payment_id}"'.encode() in event.payload:
            (policy,) = [part for part in event.payload.decode().split('"') if part.startswith("short-payment-tol")][:1]
            return event.type, policy
    raise AssertionError(f"nothing was judged about {payment_id}")


async def test_the_version_in_force_on_the_day_the_money_came_decides(office: Office) -> None:
    await published(office, "40.00")
    await office.accepted(
        invoice("INV-1"),
        invoice("INV-2"),
        payment("P-1", "970.00", {"INV-1": "970.00"}, received_on="2026-11-22"),
        payment("P-2", "970.00", {"INV-2": "970.00"}, received_on="2026-11-23"),
    )

    assert await judged(office, "P-1") == ("short-payment-detected", "short-payment-tolerance@1")
    assert await judged(office, "P-2") == ("remainder-tolerated", "short-payment-tolerance@2")


async def test_a_customer_may_have_a_tolerance_of_its_own(office: Office) -> None:
    await published(office, "40.00", scope="customer:C-1")
    await office.accepted(
        invoice("INV-1"),
        invoice("INV-2", customer={"id": "C-2"}),
        payment("P-1", "970.00", {"INV-1": "970.00"}, received_on="2026-11-23"),
        payment("P-2", "970.00", {"INV-2": "970.00"}, received_on="2026-11-23", customer_id="C-2"),
    )

    assert (await judged(office, "P-1"))[0] == "remainder-tolerated"
    assert (await judged(office, "P-2"))[0] == "short-payment-detected"


@pytest.mark.parametrize(
    "document",
    [{"at_least": "-1", "percent": "0"}, {"at_least": "1", "percent": "100.5"}, {"at_least": "NaN", "percent": "0"}],
)
async def test_a_tolerance_out_of_bounds_is_refused_where_it_stands(office: Office, document: dict[str, str]) -> None:
    response = await change(office, "draft", {"effective_from": "2026-11-23", "document": document}, "k")

    assert (response.status_code, response.json()["code"]) == (422, "policy_not_acceptable")


async def test_only_an_administrator_publishes_a_policy(office: Office) -> None:
    headers = {**office.issuer.bearer("analyst", tenant="demo"), "Idempotency-Key": "k"}

    assert (await office.http.post(f"{PATH}/publish", json={}, headers=headers)).status_code == 403
