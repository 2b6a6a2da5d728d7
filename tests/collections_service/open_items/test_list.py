from support.collections_office import (
    Office,
    invoice,
    payment,
)


async def test_an_invoice_list_is_paged_by_number(office: Office) -> None:
    await office.accepted(*(invoice(f"INV-{n}") for n in range(1, 6)), payment(pays={"INV-2": "1000.00"}))

    first = await office.get("/v1/invoices", customer_id="C-1", open="true", limit=2)
    second = await office.get("/v1/invoices", customer_id="C-1", open="true", limit=2, cursor=first["next_cursor"])

    assert [i["invoice_id"] for i in first["items"]] == ["INV-1", "INV-3"]
    assert [i["invoice_id"] for i in second["items"]] == ["INV-4", "INV-5"]
    await office.get("/v1/invoices", customer_id="C-2", cursor=first["next_cursor"], status=400)


async def test_a_last_page_that_is_just_full_is_followed_by_none(office: Office) -> None:
    await office.accepted(*(invoice(f"INV-{n}") for n in range(4)))

    first = await office.get("/v1/invoices", limit=2)
    last = await office.get("/v1/invoices", limit=2, cursor=first["next_cursor"])

    assert [each["invoice_id"] for each in last["items"]] == ["INV-2", "INV-3"]
    assert last["next_cursor"] is None


async def test_an_instant_as_business_date_and_an_instant_without_offset_are_refused(office: Office) -> None:
    for asked in ({"as_of": "2026-01-31T00:00:00Z"}, {"known_at": "2026-01-31T00:00:00"}):
        refused = await office.get("/v1/invoices", status=422, **asked)
        assert [error["parameter"] for error in refused["errors"]] == list(asked)


async def test_a_number_with_a_control_character_is_refused_and_not_asked_for(office: Office) -> None:
    for path in ("/v1/invoices/a%00b", "/v1/customers/a%00b", "/v1/erp/sources/a%00b/health"):
        await office.get(path, status=422)
    for path in ("/v1/invoices", "/v1/holds", "/v1/ageing", "/v1/recovery-tasks"):
        await office.get(path, status=422, customer_id="a\0b")
