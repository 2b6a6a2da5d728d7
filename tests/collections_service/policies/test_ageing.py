from datetime import date

import pytest

from collections_service.policies.ageing import bucket_of


@pytest.mark.parametrize(
    ("as_of", "bucket"),
    [
        (date(2026, 1, 1), "current"),
        (date(2026, 1, 31), "current"),  # due today is not overdue
        (date(2026, 2, 1), "1-30"),
        (date(2026, 3, 2), "1-30"),
        (date(2026, 3, 3), "31-60"),
        (date(2026, 4, 1), "31-60"),
        (date(2026, 4, 2), "61-90"),
        (date(2026, 5, 1), "61-90"),
        (date(2026, 5, 2), "91+"),
        (date(2036, 5, 2), "91+"),
    ],
)
def test_an_invoice_due_on_the_31st_of_january_ages_through_the_buckets(as_of: date, bucket: str) -> None:
    assert bucket_of(as_of, date(2026, 1, 31)) == bucket
