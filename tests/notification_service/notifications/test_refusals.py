"""Every refusal of a notification can be told by its code."""

from notification_service.notifications.refusals import NotificationRefusal
from redress.refusal import refusals_under


def test_every_refusal_has_a_code_of_its_own_and_a_title() -> None:
    refusals = list(refusals_under(NotificationRefusal))
    assert len(refusals) == 5
    assert len({refusal.code for refusal in refusals}) == len(refusals)
    assert all(refusal.title for refusal in refusals)
    assert {refusal.kind for refusal in refusals} == {"absent", "conflict"}
