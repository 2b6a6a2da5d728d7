import asyncio

from support.dispute_api import Company, money


async def test_a_dispute_is_worked_from_the_first_call_to_its_end(company: Company) -> None:
    opened = await company.open()
    assigned = await company.done(opened, "assign")
    assert assigned["status"] == "assigned"
    assert assigned["team"] == "Pricing"
    asked = await company.done(
        assigned, "request-information", {"from": "customer", "what": "Please send the contract.", "due": "2026-03-20"}
    )
    assert asked["status"] == "awaiting_customer"
    answered = await company.done(asked, "record-information", {"text": "Contract attached."})
    assert answered["status"] == "investigating"
    noted = await company.done(answered, "add-note", {"text": "Page 3 matters.", "visibility": "internal"})
    classified = await company.done(
        noted, "classify", {"reason_code": "TERMS", "root_cause": "CONTRACT_INTERPRETATION"}
    )
    raised = await company.done(classified, "escalate", {"level": 1, "reason": "customer waits", "to": "a.roth"})
    decided = await company.done(
        raised,
        "decide",
        {
            "valid": money("150.00"),
            "invalid": money("50.00"),
            "root_cause": "CONTRACT_INTERPRETATION",
            "rationale": "Discount of 3 % was agreed for the first pallet only.",
        },
    )
    assert decided["status"] == "decided"
    resolved = await company.done(decided, "resolve", {"resolution_code": "CREDIT_PARTIAL"})
    assert resolved["status"] == "settling"
    assert resolved["items"][0]["rejected"] == money("50.00")
    assert resolved["awaiting_credit"] == money("150.00")
    reopened = await company.done(resolved, "reopen", {"reason": "customer objects"})
    assert reopened["open"] == money("200.00")
    withdrawn = await company.done(reopened, "withdraw", {"reason": "settled by phone"})
    assert withdrawn["status"] == "withdrawn"
    assert withdrawn["version"] == 11


async def test_a_command_names_the_version_it_was_decided_on(company: Company) -> None:
    opened = await company.open()
    path = f"/v1/disputes/{opened['dispute_id']}/assign"
    missing = await company.post(path, {})
    assert missing.status_code == 428
    await company.done(opened, "assign")
    stale = await company.command(opened, "withdraw", {"reason": "x"})
    assert stale.status_code == 412
    assert stale.json()["current_version"] == 2
    assert stale.headers["etag"] == '"2"'


async def test_of_two_people_who_decide_on_the_same_version_one_is_told(company: Company) -> None:
    opened = await company.open()
    answers = await asyncio.gather(
        *(company.command(opened, "assign", {"owner": f"person-{n}", "team": "Billing"}) for n in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412, 412]


async def test_a_wrong_state_says_what_is_possible(company: Company) -> None:
    opened = await company.open()
    withdrawn = await company.done(opened, "withdraw", {"reason": "x"})
    refused = await company.command(withdrawn, "resolve", {"resolution_code": "OFFSET"})
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["code"] == "action_not_allowed"
    assert problem["allowed_actions"] == ["add-note", "reopen"]
    assert problem["status"] == 409


async def test_a_repeated_command_changes_nothing_and_answers_the_same(company: Company) -> None:
    opened = await company.open()
    body = {"text": "once", "visibility": "internal"}
    first = await company.command(opened, "add-note", body, Idempotency_Key="n-1")
    again = await company.command(opened, "add-note", body, Idempotency_Key="n-1")
    assert (again.status_code, again.content) == (200, first.content)
    assert (await company.get(f"/v1/disputes/{opened['dispute_id']}")).json()["version"] == 2


async def test_what_is_already_so_is_answered_without_a_new_version(company: Company) -> None:
    opened = await company.open()
    assigned = await company.done(opened, "assign")
    again = await company.done(assigned, "assign")
    assert again["version"] == 2


async def test_a_dispute_that_does_not_exist_is_not_found(company: Company) -> None:
    for dispute_id in ("dsp_00000000000000000000000000", "dsp_x", "INV-1"):
        answer = await company.command({"dispute_id": dispute_id, "version": 1}, "assign")
        assert answer.status_code == 404, answer.text


async def test_a_command_can_be_recorded_late(company: Company) -> None:
    opened = await company.open(effective_at="2026-02-02T09:00:00Z")
    assert opened["opened_at"] == "2026-02-02T09:00:00Z"
    late = await company.done(
        opened, "resolve", {"resolution_code": "CUSTOMER_PAID", "effective_at": "2026-02-20T09:00:00+01:00"}
    )
    assert late["resolution"] == {"code": "CUSTOMER_PAID", "at": "2026-02-20T08:00:00Z", "spread": None}
    assert late["sla"]["breached"] is True
    assert late["sla"]["breached_at"] == "2026-02-09T09:00:00Z"
    early = await company.open(effective_at="2026-02-02T09:00:00Z", items=[{"invoice_id": "I", "amount": money("1")}])
    refused = await company.command(early, "withdraw", {"reason": "x", "effective_at": "2026-02-01T09:00:00Z"})
    assert refused.json()["code"] == "effective_before_opening"


async def test_who_may_not_decide_is_refused(company: Company) -> None:
    opened = await company.open()
    refused = await company.as_("collector").command(opened, "resolve", {"resolution_code": "OFFSET"})
    assert refused.status_code == 403
    assert (await company.as_("analyst").command(opened, "resolve", {"resolution_code": "OFFSET"})).status_code == 200


async def test_a_command_that_arrives_five_times_at_once_is_done_once_and_answered_five_times(company: Company) -> None:
    dispute = await company.open()
    answers = await asyncio.gather(
        *(company.command(dispute, "withdraw", {"reason": "A mistake."}, Idempotency_Key="k-once") for _ in range(5))
    )
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert answers[0].json()["version"] == 2
