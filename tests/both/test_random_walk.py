"""A short form of `make walk`: whatever people, the ERP and the deliveries do, every promise is kept (tests/walk)."""

from functools import cache

import pytest
from walk.people_and_erp import PeopleAndErp
from walk.promises import Broken
from walk.walk import Walk

SEEDS = range(1, 5)
OPERATIONS = 500


@cache
def walked(seed: int, operations: int) -> Walk:
    walk = Walk()
    drawn = PeopleAndErp(seed, walk)
    for _ in range(operations):
        walk.do(drawn.next())
    return walk


@pytest.mark.parametrize("seed", SEEDS)
def test_both_services_keep_every_promise(seed: int) -> None:
    try:
        walked(seed, OPERATIONS)
    except Broken as broken:
        pytest.fail(f"{broken}\nCut down by: make walk SEED={seed} OPS={OPERATIONS}")


def test_the_walk_does_everything_that_people_and_the_erp_can_do() -> None:
    """Each of these at least once, and not refused: a walk that never does something says nothing about it."""
    done = {kind for seed in SEEDS for kind in walked(seed, OPERATIONS).taken}
    assert {
        "RegisterInvoice", "CorrectInvoice", "CancelInvoice", "PostWriteOff", "HandOverCollection",
        "TakeCollectionBack", "ReceivePayment", "PostCreditMemo", "ApplyReceipt", "UnapplyReceipt", "ReverseReceipt",
        "RefundReceipt", "IdentifyPayer", "Open", "Decide", "Resolve", "Withdraw", "Reopen", "Close", "AssignTo",
        "TakeRecoveryTask", "HandOverRecoveryTask", "FinishRecoveryTask", "Heard", "HeardTogether", "AllIsHeard",
        "DaysPass",
    } <= done  # fmt: skip


def test_the_same_seed_walks_the_same_way() -> None:
    assert walked(5, 150).taken == walked.__wrapped__(5, 150).taken
