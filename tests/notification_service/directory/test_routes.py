import asyncio

import asyncpg
from support.notification_house import Api, House
from support.published_disputes import dispute, published

from notification_service.directory.refusals import DirectoryRefusal
from redress.contracts.dispute_events import DisputeAssigned
from redress.refusal import refusals_under
from redress.web.problem import STATUS_OF_KIND

ANNA = {"name": "Anna Roth", "email": "anna@muster.example", "language": "de"}


async def test_an_entry_is_recorded_and_read(api: Api) -> None:
    created = await api.put("/v1/directory/anna", ANNA)
    assert (created.status_code, created.headers["ETag"]) == (201, '"1"')
    read = await api.get("/v1/directory/anna")
    assert read.json() == {"id": "anna", **ANNA, "lead": None}
    assert read.headers["ETag"] == '"1"'


async def test_the_same_entry_again_changes_nothing(api: Api) -> None:
    await api.put("/v1/directory/anna", ANNA)
    again = await api.put("/v1/directory/anna", ANNA)
    assert (again.status_code, again.headers["ETag"]) == (200, '"1"')


async def test_a_changed_entry_is_a_new_version(api: Api) -> None:
    await api.put("/v1/directory/anna", ANNA)
    for number, change in enumerate([{"email": "a@muster.example"}, {"name": "Anna Berg"}, {"language": "en"}], 2):
        ANNA_NOW = {**ANNA, **change}  # noqa: N806 - one entry, changed
        changed = await api.put("/v1/directory/anna", ANNA_NOW)
        assert changed.headers["ETag"] == f'"{number}"'


async def test_a_version_nobody_has_seen_is_not_overwritten(api: Api) -> None:
    await api.put("/v1/directory/anna", ANNA)
    await api.put("/v1/directory/anna", {**ANNA, "language": "en"})
    stale = await api.put("/v1/directory/anna", ANNA, **{"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    current = await api.put("/v1/directory/anna", ANNA, **{"If-Match": '"2"'})
    assert current.status_code == 200


async def test_two_people_who_write_at_once_both_succeed_one_after_the_other(api: Api) -> None:
    answers = await asyncio.gather(
        api.put("/v1/directory/anna", ANNA), api.put("/v1/directory/anna", {**ANNA, "name": "Anna Berg"})
    )
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert (await api.get("/v1/directory/anna")).headers["ETag"] == '"2"'


async def test_a_team_has_a_lead(api: Api) -> None:
    team = await api.put("/v1/directory/team:pricing", {**ANNA, "name": "Pricing", "lead": "lena"})
    assert team.json()["lead"] == "lena"


async def test_a_team_is_found_however_its_name_is_written(api: Api) -> None:
    await api.put("/v1/directory/team:Cash application", {**ANNA, "name": "Cash application"})
    assert (await api.get("/v1/directory/team:cash-application")).json()["id"] == "team:cash-application"


async def test_what_cannot_be_recorded_is_refused_with_its_reason(api: Api) -> None:
    for path, body, code in [
        ("/v1/directory/anna", {**ANNA, "lead": "lena"}, "only_teams_have_leads"),
        ("/v1/directory/team:tax", {**ANNA, "lead": "team:tax"}, "leads_itself"),
        ("/v1/directory/team:Pool", {**ANNA, "lead": "team:Pool"}, "leads_itself"),
        ("/v1/directory/a b", ANNA, "bad_directory_id"),
        ("/v1/directory/anna", {**ANNA, "email": "anna"}, "invalid_request"),
        ("/v1/directory/anna", {**ANNA, "language": "fr"}, "invalid_request"),
        ("/v1/directory/anna", {**ANNA, "phone": "1"}, "invalid_request"),
    ]:
        refused = await api.put(path, body)
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    pointer = (await api.put("/v1/directory/anna", {**ANNA, "email": "anna"})).json()["errors"][0]
    assert pointer == {"pointer": "#/email", "detail": "is not an e-mail address that can be written to"}


async def test_every_refusal_has_its_answer() -> None:
    assert {refusal.code: STATUS_OF_KIND[refusal.kind] for refusal in refusals_under(DirectoryRefusal)} == {
        "bad_directory_id": 422,
        "leads_itself": 422,
        "only_teams_have_leads": 422,
    }


async def test_nobody_who_is_not_there_is_found(api: Api) -> None:
    assert (await api.get("/v1/directory/nobody")).status_code == 404


async def test_an_entry_is_of_one_tenant(api: Api) -> None:
    await api.put("/v1/directory/anna", ANNA)
    assert (await api.get("/v1/directory/anna", tenant="other")).status_code == 404


async def test_who_is_entered_is_told_and_the_log_does_not_say_who(house: House, api: Api) -> None:
    await api.put("/v1/directory/anna", ANNA)
    assigned = DisputeAssigned(dispute=dispute(owner="anna", status="assigned"), by="person", explanation="by hand")
    await house.hear(published(assigned, 2))
    await house.sender().until_idle()
    assert house.mails.recipients == ["anna@muster.example"]
    connection = await asyncpg.connect(house.database.superuser)
    try:
        payloads = b"".join(row["payload"] for row in await connection.fetch("SELECT payload FROM es.event"))
    finally:
        await connection.close()
    assert b"Roth" not in payloads
    assert b"anna@" not in payloads


async def test_a_repeated_command_is_answered_as_the_first_time(api: Api) -> None:
    first = await api.put("/v1/directory/anna", ANNA, **{"Idempotency-Key": "k-1"})
    again = await api.put("/v1/directory/anna", ANNA, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json(), again.headers["ETag"]) == (201, first.json(), '"1"')
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await api.put("/v1/directory/anna", {**ANNA, "language": "en"}, **{"Idempotency-Key": "k-1"})
    assert other.json()["code"] == "idempotency_key_reused"


async def test_a_command_without_a_key_is_refused(api: Api) -> None:
    refused = await api.http.put("/v1/directory/anna", json=ANNA, headers=api.issuer.bearer("admin"))
    assert refused.json()["code"] == "idempotency_key_required"


async def test_the_answer_that_is_kept_for_a_repetition_names_nobody(house: House, api: Api) -> None:
    await api.put("/v1/directory/anna", ANNA)
    connection = await asyncpg.connect(house.database.superuser)
    try:
        kept = [row["response"] for row in await connection.fetch("SELECT response FROM es.command")]
    finally:
        await connection.close()
    assert len(kept) == 1
    assert b"Roth" not in kept[0]
    assert b"anna@" not in kept[0]


async def test_what_is_refused_says_where(api: Api) -> None:
    refused = await api.put("/v1/directory/anna", {**ANNA, "lead": "lena"})
    assert refused.json()["errors"][0]["pointer"] == "#/lead"
