"""Two axes, asked in one way: a business date for `as_of`, an instant with an offset for `known_at`."""

from datetime import UTC, date, datetime

import pytest

from redress.reading.moment import Moment, business_date, recorded_instant
from redress.web.problem import Problem


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-30T12:00:00Z", datetime(2026, 11, 30, 12, tzinfo=UTC)),
        ("2026-11-30T12:00:00+01:00", datetime(2026, 11, 30, 11, tzinfo=UTC)),
        ("2026-11-30T12:00:00.123456-05:00", datetime(2026, 11, 30, 17, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_an_instant_with_an_offset_is_understood_in_utc(text: str, instant: datetime) -> None:
    assert recorded_instant(text) == instant
    assert recorded_instant(text).utcoffset() == UTC.utcoffset(None)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "yesterday",
        "",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "1767225600",
        "2026-02-30T00:00:00Z",
    ],
)
def test_a_text_that_is_no_instant_with_an_offset_is_refused_at_its_place(text: str) -> None:
    with pytest.raises(Problem) as refused:
        recorded_instant(text)
    assert (refused.value.status, refused.value.errors[0].parameter) == (422, "known_at")


def test_a_business_date_is_the_whole_day() -> None:
    assert business_date("2026-02-28") == date(2026, 2, 28)
    moment = Moment(date(2026, 2, 28))
    # The 28th ends when the first of March begins.
    assert moment.before() == datetime(2026, 3, 1, tzinfo=UTC)
    assert moment.day(datetime(2026, 11, 30, tzinfo=UTC)) == date(2026, 2, 28)


@pytest.mark.parametrize("text", ["2026-11-30T12:00:00Z", "2026-11-30T12:00:00", "2026-11-30 12:00"])
def test_an_instant_as_business_date_is_refused_and_the_right_parameter_is_named(text: str) -> None:
    with pytest.raises(Problem) as refused:
        business_date(text)
    assert refused.value.status == 422
    assert refused.value.errors[0].parameter == "as_of"
    assert "known_at" in refused.value.errors[0].detail


@pytest.mark.parametrize("text", ["", "today", "2026-13-01", "20261130", "2026-W49-1", "1969-12-31", "9999-12-31"])
def test_another_text_is_no_business_date(text: str) -> None:
    with pytest.raises(Problem) as refused:
        business_date(text)
    assert (refused.value.status, refused.value.errors[0].parameter) == (422, "as_of")


def test_neither_asked_for_is_now() -> None:
    now = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    assert Moment().is_now
    assert Moment().day(now) == date(2026, 11, 30)
    assert Moment().stated(now) == now
    assert Moment().before() is None
    assert Moment().recorded_by > now
    assert not Moment(known_at=now).is_now
