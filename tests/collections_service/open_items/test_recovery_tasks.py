"""What was contested in vain is collected by one task at a time, which somebody takes, hands over and finishes."""

import pytest
from support.collections_examples import dispute, disputed, eur, paid, payment, registered

from collections_service.open_items import decisions
from collections_service.open_items.commands import (
    FinishRecoveryTask,
    HandOverRecoveryTask,
    RecoveryTaskCommand,
    ReportDispute,
    TakeRecoveryTask,
)
from collections_service.open_items.events import (
    OpenItemEvent,
    RecoveryTaskAssigned,
    RecoveryTaskClosed,
    RecoveryTaskDone,
    RecoveryTaskOpened,
    RecoveryTaskResized,
)
from collections_service.open_items.recovery_tasks import allowed_actions, decide
from collections_service.open_items.refusals import TaskIsOver, TaskTaken
from collections_service.open_items.state import OpenItem, RecoveryTask, evolve

ABOUT_TASKS = (
    RecoveryTaskOpened,
    RecoveryTaskResized,
    RecoveryTaskAssigned,
    RecoveryTaskDone,
    RecoveryTaskClosed,
)
REJECTED = dispute(0, version=2, rejected=30_000, outcome="rejected")
REOPENED = dispute(30_000, version=3, outcome="reopened")
REJECTED_AGAIN = dispute(0, version=4, rejected=30_000, outcome="rejected")


def contested() -> OpenItem:
    return disputed(registered(100_000), dispute(30_000))


def heard(item: OpenItem, *reports: ReportDispute) -> tuple[OpenItem, list[OpenItemEvent]]:
    """The invoice after the reports, and what they made of its tasks."""
    told: list[OpenItemEvent] = []
    for report in reports:
        for event in decisions.report_dispute(report, item):
            item = evolve(item, event)
            if isinstance(event, ABOUT_TASKS):
                told.append(event)
    return item, told


def after(item: OpenItem, *commands: RecoveryTaskCommand) -> OpenItem:
    for command in commands:
        for event in decide(command, item):
            item = evolve(item, event)
    return item


def take(by: str = "anna", number: int = 1) -> TakeRecoveryTask:
    return TakeRecoveryTask(dispute_id="dsp_1", number=number, by=by)


def hand_over(to: str | None = "ben", reason: str = "on leave") -> HandOverRecoveryTask:
    return HandOverRecoveryTask(dispute_id="dsp_1", number=1, to=to, reason=reason)


def finish(result: str = "promised for Friday") -> FinishRecoveryTask:
    return FinishRecoveryTask(dispute_id="dsp_1", number=1, by="anna", result=result)


def the_task(item: OpenItem) -> RecoveryTask:
    (task,) = item.tasks
    return task


def test_rejected_reopened_and_rejected_again_asks_for_the_money_once() -> None:
    item, told = heard(contested(), REJECTED, REOPENED, REJECTED_AGAIN)

    assert told == [
        RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(30_000)),
        RecoveryTaskClosed(dispute_id="dsp_1", why="reopened"),
        RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(30_000)),
    ]
    task = the_task(item)
    assert (task.number, task.state, task.minor) == (2, "open", 30_000)


def test_a_log_in_which_a_reopening_closed_nothing_has_one_task_too() -> None:
    item, _ = heard(contested(), REJECTED)
    item = evolve(item, RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(30_000)))

    assert (the_task(item).number, the_task(item).minor) == (2, 30_000)
    _, told = heard(item, REOPENED)
    assert told == [RecoveryTaskClosed(dispute_id="dsp_1", why="reopened")]


def test_more_that_is_rejected_makes_the_task_larger() -> None:
    """A payment that had taken 100 of the dispute came back after it was rejected."""
    item, told = heard(
        contested(),
        dispute(0, version=2, rejected=20_000, outcome="rejected"),
        dispute(0, version=3, rejected=30_000, outcome="payment reversed"),
    )

    assert told == [
        RecoveryTaskOpened(dispute_id="dsp_1", amount=eur(20_000)),
        RecoveryTaskResized(dispute_id="dsp_1", amount=eur(30_000)),
    ]
    assert the_task(item).minor == 30_000


def test_less_that_is_rejected_makes_the_task_smaller() -> None:
    _, told = heard(contested(), REJECTED, dispute(10_000, version=3, rejected=20_000, outcome="reopened in part"))

    assert told[1:] == [RecoveryTaskResized(dispute_id="dsp_1", amount=eur(20_000))]


def test_two_disputes_have_a_task_each_and_ask_together_for_no_more_than_is_open() -> None:
    item, _ = heard(contested(), REJECTED)
    item = paid(item, payment(60_000))

    _, told = heard(
        item,
        dispute(40_000, dispute_id="dsp_2"),
        dispute(0, dispute_id="dsp_2", version=2, rejected=40_000, outcome="rejected"),
    )

    assert told == [RecoveryTaskOpened(dispute_id="dsp_2", amount=eur(10_000))], "300 of the 400 have a task"


def test_a_task_that_was_done_is_not_opened_again_by_another_report_of_the_same() -> None:
    item, _ = heard(contested(), REJECTED)
    done = after(item, finish())

    assert heard(done, dispute(0, version=3, rejected=30_000, outcome="closed"))[1] == []


def test_a_task_that_was_done_is_closed_when_its_dispute_goes_on_and_nobody_may_collect_it() -> None:
    """two_answers 7: it said that the amount was collectable, because money of others was free."""
    item, _ = heard(contested(), REJECTED)
    done = after(item, finish())

    reopened, told = heard(done, REOPENED)
    assert told == [RecoveryTaskClosed(dispute_id="dsp_1", why="reopened")]
    assert the_task(reopened).state == "closed"
    assert heard(reopened, dispute(30_000, version=9, outcome="assigned"))[1] == []


def test_a_task_is_taken_handed_over_and_done() -> None:
    item, _ = heard(contested(), REJECTED)

    assert decide(take(), item) == [
        RecoveryTaskAssigned(dispute_id="dsp_1", owner="anna", previous_owner=None, reason=None)
    ]
    taken = after(item, take())
    assert (the_task(taken).state, the_task(taken).owner) == ("taken", "anna")
    assert decide(hand_over(), taken) == [
        RecoveryTaskAssigned(dispute_id="dsp_1", owner="ben", previous_owner="anna", reason="on leave")
    ]
    given_back = after(taken, hand_over(to=None, reason="ill"))
    assert (the_task(given_back).state, the_task(given_back).owner) == ("open", None)
    assert decide(finish(), taken) == [RecoveryTaskDone(dispute_id="dsp_1", by="anna", result="promised for Friday")]


def test_what_is_so_already_is_recorded_once_and_what_is_said_otherwise_again() -> None:
    item, _ = heard(contested(), REJECTED)

    assert decide(take(), after(item, take())) == []
    handed_over = after(item, take(), hand_over())
    assert decide(hand_over(), handed_over) == []
    assert decide(hand_over(reason="knows the customer"), handed_over) != []
    assert decide(finish(), after(item, finish())) == []
    with pytest.raises(TaskIsOver):
        decide(finish(result="paid"), after(item, finish()))


def test_a_task_in_other_hands_is_handed_over_and_not_taken() -> None:
    item, _ = heard(contested(), REJECTED)

    with pytest.raises(TaskTaken) as refused:
        decide(take("ben"), after(item, take("anna")))
    assert refused.value.message == "anna has taken the task; it can be handed over."
    assert refused.value.allowed_actions == ("hand-over", "finish")


@pytest.mark.parametrize("command", [take(), hand_over(), finish()], ids=["take", "hand over", "finish"])
def test_a_task_whose_dispute_goes_on_is_over(command: RecoveryTaskCommand) -> None:
    closed, _ = heard(contested(), REJECTED, REOPENED)
    with pytest.raises(TaskIsOver) as refused:
        decide(command, closed)
    assert refused.value.message == "The task is closed; nothing can be done with it any more."

    another, _ = heard(closed, REJECTED_AGAIN)
    with pytest.raises(TaskIsOver):
        decide(command, another)
    assert decide(take(number=2), another) != []


def test_the_actions_follow_the_state() -> None:
    item, _ = heard(contested(), REJECTED)

    assert allowed_actions(the_task(item)) == ("take", "hand-over", "finish")
    assert allowed_actions(the_task(after(item, take()))) == ("hand-over", "finish")
    assert allowed_actions(the_task(after(item, finish()))) == ()
