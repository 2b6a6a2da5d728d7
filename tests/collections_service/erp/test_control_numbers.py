"""The control numbers of an ERP, kept per source and tenant: Dynamics 365 numbers every business event of a company."""

from typing import Any

from support.collections_office import Office, business_event, invoice


async def control_numbers(office: Office, tenant: str = "demo", source: str = "d365:usmf") -> dict[str, Any] | None:
    health = await office.get(f"/v1/erp/sources/{source}/health", tenant=tenant, role="erp")
    numbers = health["control_numbers"]
    return numbers and {name: numbers[name] for name in ("highest", "gaps", "backward_jumps")}


async def test_a_business_event_of_dynamics_is_accepted_with_its_control_number(office: Office) -> None:
    await office.accepted(business_event("CIV-1", 5637144576))

    assert (await office.get("/v1/invoices/CIV-1"))["total"] == {"amount": "1250.10", "currency": "USD"}
    assert await control_numbers(office) == {"highest": 5637144576, "gaps": 0, "backward_jumps": 0}


async def test_gaps_and_backward_jumps_are_counted_over_batches(office: Office) -> None:
    await office.accepted(business_event("CIV-1", 10), business_event("CIV-2", 11), business_event("CIV-3", 14))
    assert await control_numbers(office) == {"highest": 14, "gaps": 1, "backward_jumps": 0}

    await office.accepted(business_event("CIV-4", 12), business_event("CIV-5", 20))

    assert await control_numbers(office) == {"highest": 20, "gaps": 2, "backward_jumps": 1}
    health = await office.get("/v1/erp/sources/d365:usmf/health", role="erp")
    assert health["control_numbers"]["last_backward_at"] is not None


async def test_a_repetition_is_no_backward_jump(office: Office) -> None:
    await office.accepted(business_event("CIV-1", 10), business_event("CIV-2", 11))

    await office.erp(business_event("CIV-1", 10))

    assert await control_numbers(office) == {"highest": 11, "gaps": 0, "backward_jumps": 0}


async def test_every_source_and_every_tenant_counts_for_itself(office: Office) -> None:
    await office.accepted(
        business_event("CIV-1", 7), business_event("CIV-2", 90, LegalEntity="demf"), invoice(control_number=3)
    )
    await office.accepted(business_event("CIV-1", 1000), tenant="other")
    await office.accepted(business_event("CIV-3", 8))

    assert await control_numbers(office) == {"highest": 8, "gaps": 0, "backward_jumps": 0}
    assert await control_numbers(office, source="d365:demf") == {"highest": 90, "gaps": 0, "backward_jumps": 0}
    assert await control_numbers(office, source="sap") == {"highest": 3, "gaps": 0, "backward_jumps": 0}
    assert await control_numbers(office, tenant="other") == {"highest": 1000, "gaps": 0, "backward_jumps": 0}


async def test_the_largest_number_that_can_be_kept_is_kept_and_a_larger_one_refused(office: Office) -> None:
    largest, too_large = await office.erp(
        business_event("CIV-1", 2**63 - 1), business_event("CIV-2", 2**63, LegalEntity="demf")
    )

    assert (largest["result"], too_large["result"]) == ("accepted", "rejected")
    assert too_large["pointer"] == "/1/ControlNumber"
