"""The clock that the processes of a test stack share."""

from datetime import timedelta
from pathlib import Path

import pytest

from redress.clock import ShiftedClock, SystemClock, read_shift, shift_text


def _write(file: Path, shift: timedelta) -> None:
    new = file.with_suffix(".new")
    new.write_text(shift_text(shift))
    new.replace(file)


def test_every_clock_of_a_file_moves_when_the_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    _write(file, timedelta(0))
    clocks = ShiftedClock(file), ShiftedClock(file)
    for shift in (timedelta(0), timedelta(days=3), timedelta(days=3, microseconds=1), timedelta(days=400)):
        _write(file, shift)
        before = SystemClock().now()
        told = [clock.now() - shift for clock in clocks]
        assert all(before <= at <= SystemClock().now() for at in told)


@pytest.mark.parametrize("shift", [timedelta(0), timedelta(microseconds=1), timedelta(days=3650, seconds=7)])
def test_a_shift_is_read_as_it_was_written(tmp_path: Path, shift: timedelta) -> None:
    _write(tmp_path / "clock", shift)
    assert read_shift(tmp_path / "clock") == shift


def test_without_its_file_there_is_no_time(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ShiftedClock(tmp_path / "clock").now()
