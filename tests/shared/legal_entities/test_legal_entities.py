"""A legal entity is described as a whole, and followers keep what they hear."""

from datetime import UTC, date, datetime, timedelta

import msgspec
from msgspec.structs import replace
from support.legal_entities import BERLIN, NEW_YORK, changed, described

from redress.legal_entities import following
from redress.legal_entities.document import document
from redress.legal_entities.state import LegalEntity, describe, evolve
from redress.legal_entities.stream import legal_entity_stream
from redress.legal_entities.zones import ALL_UTC, Zones
from redress.reading.moment import Moment

HALLOWEEN = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)  # half past eight in the evening of 31 October in New York


def test_the_same_description_again_is_no_event_and_any_other_word_is_one() -> None:
    known = evolve(LegalEntity(), described())

    assert describe(replace(described(), at=HALLOWEEN), known) == []
    for other in (
        described(zone="America/Chicago"),
        described(currency="EUR"),
        described(calendar={**NEW_YORK["calendar"], "closes": "18:00"}),
        described(sender={**NEW_YORK["sender"], "reply_to": None}),
    ):
        assert describe(other, known) == [other]


def test_an_entity_that_nobody_described_goes_by_utc() -> None:
    assert LegalEntity().zone == "UTC"
    assert document(legal_entity_stream("demo", "DE01"), 0, LegalEntity()) is None
    assert Zones({"US01": "America/New_York"}).of("DE01") == "UTC"
    assert Zones({"US01": "America/New_York"}).of(None) == "UTC"


def test_a_follower_understands_what_is_published() -> None:
    assert following.described(changed()) == described()
    assert following.described(changed("DE01", BERLIN)) == described("DE01", BERLIN)
    other = replace(changed(), type="invoice-changed", data=msgspec.Raw(b"{}"))
    assert following.described(other) is None


def test_today_is_the_day_of_each_entity() -> None:
    zones = Zones(
        {"US01": "America/New_York", "KI01": "Pacific/Kiritimati", "DE01": "Europe/Berlin", "MH12": "Etc/GMT+12"}
    )
    days = zones.days(Moment(), HALLOWEEN)

    assert {code: days.of(code) for code in ("US01", "KI01", "DE01", "MH12", "XX99", None)} == {
        "US01": date(2026, 10, 31),
        "KI01": date(2026, 11, 1),
        "DE01": date(2026, 11, 1),
        "MH12": date(2026, 10, 31),
        "XX99": date(2026, 11, 1),
        None: date(2026, 11, 1),
    }
    assert days.codes == ("US01", "MH12")


def test_three_dates_are_today_at_once() -> None:
    zones = Zones({"KI01": "Pacific/Kiritimati", "MH12": "Etc/GMT+12"})
    at = datetime(2026, 11, 1, 10, 30, tzinfo=UTC)

    days = zones.days(Moment(), at)
    assert (days.of("KI01"), days.of(None), days.of("MH12")) == (
        date(2026, 11, 2),
        date(2026, 11, 1),
        date(2026, 10, 31),
    )


def test_a_day_that_is_asked_for_is_that_day_everywhere() -> None:
    days = Zones({"US01": "America/New_York"}).days(Moment(date(2026, 10, 31)), HALLOWEEN + timedelta(days=9))

    assert (days.of("US01"), days.of("DE01"), days.codes) == (date(2026, 10, 31), date(2026, 10, 31), ())
    assert ALL_UTC.days(Moment(), HALLOWEEN).day == date(2026, 11, 1)
