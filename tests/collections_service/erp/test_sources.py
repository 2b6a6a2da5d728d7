from support.collections_office import (
    Office,
    invoice,
    reversal,
)


async def test_a_source_tells_what_waits_and_what_was_refused(office: Office) -> None:
    await office.erp(reversal("P-9"), invoice(total="-1"), {"source": "sap", "kind": "nonsense"})

    health = await office.get("/v1/erp/sources/sap/health", role="erp")

    assert health["counts"] == {"rejected": 2, "waiting": 1}
    assert health["waiting"][0]["waits_for"] == "payment sap P-9"
    assert health["rejected"][1]["pointer"] == "/total"
    await office.get("/v1/erp/sources/oracle/health", role="erp", status=404)
