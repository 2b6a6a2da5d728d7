"""Any past state: by version, as known at an instant, as true for an instant; what happened, and what changed."""

from datetime import datetime, timedelta
from typing import Any

from support.dispute_api import Company, Office, money, opening

from redress.eventlog.events import decode_meta
from redress.ids import parse_public_id


async def _history(company: Company) -> dict[str, Any]:
    opened = await company.open(effective_at="2026-02-02T09:00:00Z", description="Zu teuer.")
    assigned = await company.done(opened, "assign")
    await company.done(assigned, "withdraw", {"reason": "paid in cash", "effective_at": "2026-02-06T09:00:00Z"})
    return opened


async def test_a_dispute_is_shown_at_any_version(company: Company) -> None:
    path = f"/v1/disputes/{(await _history(company))['dispute_id']}"
    states = [(await company.get(path, version=n)).json()["status"] for n in (1, 2, 3)]
    assert states == ["open", "assigned", "withdrawn"]
    assert (await company.get(path, version=4)).status_code == 404
    assert "etag" not in (await company.get(path, version=1)).headers


async def test_a_dispute_is_shown_as_it_was_known(company: Company) -> None:
    path = f"/v1/disputes/{(await _history(company))['dispute_id']}"
    times = [entry["recorded_at"] for entry in (await company.get(f"{path}/events")).json()["items"]]
    assert (await company.get(path, known_at=times[1])).json()["status"] == "assigned"
    before = (datetime.fromisoformat(times[0]) - timedelta(microseconds=1)).isoformat()
    assert (await company.get(path, known_at=before)).status_code == 404


async def test_a_dispute_is_shown_as_it_is_true_for_a_day(company: Company) -> None:
    path = f"/v1/disputes/{(await _history(company))['dispute_id']}"
    assert (await company.get(path, as_of="2026-02-05")).json()["open"] == money("200.00")
    assert (await company.get(path, as_of="2026-02-06")).json()["open"] == money("0.00")


async def test_the_business_day_ends_at_midnight(company: Company) -> None:
    opened = await company.open(effective_at="2026-02-02T23:59:59.999999Z")
    await company.done(opened, "withdraw", {"reason": "x", "effective_at": "2026-02-03T00:00:00Z"})
    path = f"/v1/disputes/{opened['dispute_id']}"
    assert (await company.get(path, as_of="2026-02-01")).status_code == 404
    assert (await company.get(path, as_of="2026-02-02")).json()["status"] == "open"
    assert (await company.get(path, as_of="2026-02-03")).json()["status"] == "withdrawn"


async def test_an_instant_is_no_business_date(company: Company) -> None:
    path = f"/v1/disputes/{(await company.open())['dispute_id']}"
    refused = await company.get(path, as_of="2026-02-05T12:00:00Z")
    assert refused.status_code == 422
    assert "known_at" in refused.json()["errors"][0]["detail"]


async def test_a_list_does_not_pretend_to_answer_as_of(company: Company) -> None:
    refused = await company.get("/v1/disputes", as_of="2026-02-05")
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["parameter"], error["detail"]) == ("as_of", "is not answered by this list")
    assert "/v1/disputes/{dispute_id}?as_of=" in error["allowed"]


async def test_the_timeline_says_who_did_what_when_and_why(company: Company) -> None:
    path = f"/v1/disputes/{(await _history(company))['dispute_id']}"
    entries = (await company.get(f"{path}/events")).json()["items"]
    assert [entry["type"] for entry in entries] == ["dispute-opened", "dispute-assigned", "dispute-withdrawn"]
    assert entries[0]["actor"] == {"kind": "person", "id": "anna", "roles": ["approver"]}
    assert entries[0]["data"]["description"] == {"text": "Zu teuer."}
    assert entries[1]["policy"] == ["resolution-matrix@0"]
    assert entries[1]["data"]["explanation"].startswith("Rule default-price of the default resolution matrix")
    assert entries[2]["effective_at"] == "2026-02-06T09:00:00Z"
    hidden = (await company.as_("admin").get(f"{path}/events")).json()["items"]
    assert hidden[0]["data"]["description"] == {"text": None, "withheld": "not-permitted"}


async def test_a_long_timeline_comes_in_pages(company: Company) -> None:
    path = f"/v1/disputes/{(await _history(company))['dispute_id']}/events"
    first = (await company.get(path, limit=2)).json()
    assert [entry["version"] for entry in first["items"]] == [1, 2]
    last = (await company.get(path, limit=2, after=first["next_after"])).json()
    assert [entry["version"] for entry in last["items"]] == [3]
    assert last["next_after"] is None


async def test_a_diff_names_the_changed_places(company: Company) -> None:
    path = f"/v1/disputes/{(await _history(company))['dispute_id']}/diff"
    answer = (await company.get(path, **{"from": 1, "to": 2})).json()
    changed = {change["path"]: (change["before"], change["after"]) for change in answer["changes"]}
    assert changed["/status"] == ("open", "assigned")
    assert changed["/team"] == (None, "Pricing")
    assert [event["type"] for event in answer["events"]] == ["dispute-assigned"]
    wrong = await company.get(path, **{"from": 1, "to": 9})
    assert wrong.json()["errors"][0]["parameter"] == "to"


async def test_an_erased_person_cannot_be_read_and_everything_else_can(company: Company, office: Office) -> None:
    contact = {"name": "Erika Muster", "email": "erika@kunde.example", "language": "de"}
    opened = await company.open(contact=contact)
    await office.vault.erase(company.tenant, office.vault.person_of_email(company.tenant, contact["email"]))
    shown = (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()
    assert shown["contact"] == {"name": None, "email": None, "language": "de"}
    assert shown["withheld"] == {"contact_name": "erased", "contact_email": "erased"}


async def test_a_list_is_filtered_sorted_and_paged(company: Company) -> None:
    for number, (amount, reason) in enumerate([("30.00", "TAX"), ("10.00", "PRICE"), ("20.00", "TAX")]):
        item = {"invoice_id": f"INV-{number}", "amount": money(amount)}
        await company.open(items=[item], reason_code=reason, customer_id=f"C-{number}")

    async def amounts(**params: Any) -> list[str]:
        answer = await company.get("/v1/disputes", **params)
        assert answer.status_code == 200, answer.text
        return [dispute["open"]["amount"] for dispute in answer.json()["items"]]

    assert await amounts(sort="open_amount") == ["10.00", "20.00", "30.00"]
    assert await amounts(sort="-open_amount", reason_code="TAX") == ["30.00", "20.00"]
    assert await amounts(customer_id="C-1") == ["10.00"]
    assert await amounts(invoice_id="INV-2") == ["20.00"]
    assert await amounts(q="inv-0 c-0") == ["30.00"]
    assert await amounts(q="%") == []
    assert await amounts(status=["withdrawn", "closed"]) == []

    first = await company.get("/v1/disputes", sort="open_amount", limit=2)
    cursor = first.json()["next_cursor"]
    assert cursor
    assert 'rel="next"' in first.headers["link"]
    rest = await company.get("/v1/disputes", sort="open_amount", limit=2, cursor=cursor)
    assert [dispute["open"]["amount"] for dispute in rest.json()["items"]] == ["30.00"]
    assert rest.json()["next_cursor"] is None
    foreign = await company.get("/v1/disputes", sort="-open_amount", limit=2, cursor=cursor)
    assert foreign.status_code == 400


async def test_a_list_refuses_what_it_does_not_know(company: Company) -> None:
    assert (await company.get("/v1/disputes", sort="colour")).json()["errors"][0]["parameter"] == "sort"
    assert (await company.get("/v1/disputes", status="lost")).status_code == 422
    assert (await company.get("/v1/disputes", limit=201)).status_code == 422


async def test_the_reasons_come_with_names_and_crosswalk(company: Company) -> None:
    body = (await company.get("/v1/reasons")).json()
    assert len(body["reasons"]) == 21
    price = body["reasons"][0]
    assert (price["code"], price["name_de"], price["x12_426"], price["peppol"]) == (
        "PRICE",
        "Preis weicht ab",
        ["01"],
        ["PRI"],
    )
    assert len(body["resolution_codes"]) == 15
    assert len(body["root_causes"]) == 14


async def test_the_feed_gives_the_published_events_to_the_services(office: Office, company: Company) -> None:
    head = await office.log.head()
    opened = await company.open()
    assert await office.log.wait_for(head + 1, 5.0) > head  # the log is shared with tests before this one
    headers = office.issuer.bearer("service", tenant="*", subject="collections-service")
    events = []
    position = 0
    while True:
        answer = await office.client.get(f"/v1/feed?lastEventId={position}&limit=1000", headers=headers)
        assert answer.status_code == 200, answer.text
        if not answer.json():
            break
        events += answer.json()
        position = int(answer.headers["feed-position"])
    (mine,) = [event for event in events if event["tenant"] == company.tenant]
    assert mine["type"] == "dispute-opened"
    assert mine["data"]["dispute"]["dispute_id"] == opened["dispute_id"]
    assert mine["actor"] == "person:anna"
    (stored,) = await office.log.read_stream(company.tenant, parse_public_id("dsp", opened["dispute_id"]))
    assert mine["causationid"] == decode_meta(stored.meta).command_id, "the command directly before"


async def test_the_matrix_is_read_published_and_used(company: Company) -> None:
    admin = company.as_("admin")
    default = await admin.get("/v1/policies/resolution-matrix")
    assert default.json()["version"] == 0
    assert default.headers["etag"] == '"0"'
    rules: dict[str, Any] = {
        "rules": [
            {
                "rule_id": "large",
                "reason_codes": ["PRICE"],
                "band": {"currency": "EUR", "at_least": "1000.00"},
                "team": "Key accounts",
                "owner": "a.roth",
                "sla_hours": 8,
                "calendar": "us",
            },
            {"rule_id": "rest", "reason_codes": ["*"], "team": "Pool", "sla_hours": 24, "calendar": "us"},
        ],
        "calendars": {"us": {"country": "US", "time_zone": "America/New_York", "opens": "08:00", "closes": "16:00"}},
    }
    published = await admin.post("/v1/policies/resolution-matrix", rules)
    assert published.status_code == 201, published.text
    assert published.headers["location"] == "/v1/policies/resolution-matrix?version=1"
    assert (await admin.get("/v1/policies/resolution-matrix", version=1)).json() == published.json()
    assert (await admin.get("/v1/policies/resolution-matrix", version=0)).json() == default.json()
    assert (await admin.get("/v1/policies/resolution-matrix", version=2)).status_code == 404
    large = await company.open(**opening({"invoice_id": "INV-L", "amount": money("1000.00")}))
    assigned = await company.done(large, "assign")
    assert (assigned["owner"], assigned["team"], assigned["sla"]["policy_version"]) == ("a.roth", "Key accounts", 1)
    broken = {**rules, "rules": rules["rules"][:1]}
    refused = await admin.post("/v1/policies/resolution-matrix", broken)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/rules/0"
    assert (await company.as_("collector").post("/v1/policies/resolution-matrix", rules)).status_code == 403
