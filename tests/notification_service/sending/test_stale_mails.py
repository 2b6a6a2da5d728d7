"""What was true in between: a mail about an outcome that was reopened, or a question that was answered, stays home."""

from datetime import timedelta

import pytest
from msgspec import structs
from support.notification_examples import NOON, eur
from support.notification_house import House
from support.published_disputes import contact, dispute, published, question

from redress.contracts.dispute_events import (
    DisputeEvent,
    DisputeInformationRecorded,
    DisputeInformationRequested,
    DisputeReopened,
    DisputeResolved,
    DisputeSummary,
    DisputeWithdrawn,
)


@pytest.fixture
async def summary(house: House) -> DisputeSummary:
    return dispute(contact=await contact(house.vault, "Maria Weber", "maria@kunde.example", "de"))


def outcome(summary: DisputeSummary, code: str) -> DisputeResolved:
    nothing = eur("0.00")
    return DisputeResolved(
        dispute=structs.replace(summary, status="resolved", resolution_code=code, open=nothing),
        resolution_code=code,
        credit_due=nothing,
        rejected=nothing,
        written_off=nothing,
        paid=nothing,
    )


async def hear(house: House, *events: DisputeEvent, at_once: bool) -> None:
    told = [
        published(event, version, at=NOON + timedelta(seconds=version)) for version, event in enumerate(events, start=2)
    ]
    if at_once:
        await house.hear(*told)
    else:
        for each in told:
            await house.hear(each)
    house.clock.advance(seconds=60)
    await house.sender().until_idle()


async def statuses(house: House) -> list[tuple[str, str | None]]:
    return [row[1:] for row in await house.rows()]


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_two_outcomes_only_the_last_one_leaves(
    house: House, summary: DisputeSummary, *, at_once: bool
) -> None:
    """two_answers 15: rejected, reopened and credited before the sender looks."""
    reopened = DisputeReopened(dispute=structs.replace(summary, status="investigating"), reason="new evidence")
    await hear(house, outcome(summary, "REJECTED_COLLECT"), reopened, outcome(summary, "CREDIT_FULL"), at_once=at_once)

    assert sorted(await statuses(house), key=str) == [("sent", None), ("skipped", "moot_reopened")]
    (mail,) = house.mails.received
    assert "Gutschrift" in str(mail["Subject"])


async def test_an_outcome_is_not_told_to_who_has_withdrawn_since(house: House, summary: DisputeSummary) -> None:
    reopened = DisputeReopened(dispute=structs.replace(summary, status="investigating"), reason="new evidence")
    withdrawn = DisputeWithdrawn(dispute=structs.replace(summary, status="withdrawn"), reason="found it")
    await hear(house, outcome(summary, "REJECTED_COLLECT"), reopened, withdrawn, at_once=False)

    assert await statuses(house) == [("skipped", "moot_reopened")]
    assert house.mails.received == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_answered_question_is_not_asked_because_another_one_is_open(
    house: House, summary: DisputeSummary, *, at_once: bool
) -> None:
    waiting = structs.replace(summary, status="awaiting_customer")

    async def asked(text: str) -> DisputeInformationRequested:
        what = await question(house.vault, text)
        return DisputeInformationRequested(dispute=waiting, asked="customer", what=what, due=NOON.date())

    answered = DisputeInformationRecorded(dispute=structs.replace(summary, status="investigating"))
    await hear(house, await asked("Lieferschein"), answered, await asked("Foto"), at_once=at_once)

    assert sorted(await statuses(house), key=str) == [("sent", None), ("skipped", "moot_answered")]
    (mail,) = house.mails.received
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Foto" in body.get_content()


async def test_two_questions_that_nobody_has_answered_are_both_asked(house: House, summary: DisputeSummary) -> None:
    waiting = structs.replace(summary, status="awaiting_customer")
    asked = [
        DisputeInformationRequested(
            dispute=waiting, asked="customer", what=await question(house.vault, text), due=NOON.date()
        )
        for text in ("Lieferschein", "Foto")
    ]
    await hear(house, *asked, at_once=True)

    assert await statuses(house) == [("sent", None)] * 2
