"""A receipt names up to 1,000 invoices, and is taken with all of them or not at all."""

import pytest
from support.collections_office import Office, credit_memo, dispute_event, invoice, payment, reversal


def numbers(many: int) -> list[str]:
    return [f"INV-{n}" for n in range(1, many + 1)]


async def open_amounts(office: Office) -> set[str]:
    rows = await office.worker.fetch("SELECT open_minor FROM read.invoice_current")
    return {f"{row['open_minor'] / 100:.2f}" for row in rows}


@pytest.mark.parametrize("many", [20, 100, 1_000])
async def test_a_payment_of_many_invoices_settles_each_and_comes_back_from_each(office: Office, many: int) -> None:
    await office.accepted(*(invoice(number, total="10.00") for number in numbers(many)))

    await office.accepted(payment(amount=f"{many * 10}.00", pays=dict.fromkeys(numbers(many), "10.00")))
    assert await open_amounts(office) == {"0.00"}

    await office.accepted(reversal())
    assert await open_amounts(office) == {"10.00"}


@pytest.mark.parametrize("many", [20, 100, 1_000])
async def test_a_short_payment_of_many_disputed_invoices_is_taken_whole(office: Office, many: int) -> None:
    await office.accepted(*(invoice(number, total="100.00") for number in numbers(many)))
    await office.hear(
        *(dispute_event("dispute-opened", version=1, name=number, open={number: 5_000}) for number in numbers(many))
    )

    await office.accepted(payment(amount=f"{many * 60}.00", pays=dict.fromkeys(numbers(many), "60.00")))

    assert await open_amounts(office) == {"40.00"}


@pytest.mark.parametrize("many", [20, 100, 1_000])
async def test_a_credit_memo_for_many_invoices_is_applied_to_each(office: Office, many: int) -> None:
    await office.accepted(*(invoice(number, total="10.00") for number in numbers(many)))

    await office.accepted(credit_memo(pays=dict.fromkeys(numbers(many), "4.00")))

    assert await open_amounts(office) == {"6.00"}
