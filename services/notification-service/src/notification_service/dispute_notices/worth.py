"""Is a waiting notice about a dispute still worth sending, after what has happened since?"""

from msgspec import Struct

from notification_service.dispute_notices.facts import (
    TEMPLATES,
    Acknowledgement,
    Assignment,
    Breach,
    InformationRequest,
    Resolution,
)
from notification_service.notices.names import team_name
from notification_service.notices.notice import Notice
from notification_service.notices.reasons import Reason
from notification_service.notices.worth import Mootness
from redress.money import Money

_SETTLING = "settling"  # what was resolved is not posted yet
_OVER = frozenset({_SETTLING, "resolved", "closed"})
_WITHDRAWN = "withdrawn"
_WAITING = frozenset({"awaiting_customer", "awaiting_internal"})


class DisputeNow(Struct, frozen=True, kw_only=True):
    """The latest that is known of a dispute. `open` is what is still disputed. `contested_at` is the last version at
    which it was being worked on, `answered_at` the last one at which nobody was asked anything; 0: none is known."""

    version: int
    status: str
    open: Money
    owner: str | None = None
    team: str | None = None
    resolution_code: str | None = None
    contested_at: int = 0
    answered_at: int = 0


def is_worked_on(status: str) -> bool:
    return status not in _OVER and status != _WITHDRAWN


def waits_for_an_answer(status: str) -> bool:
    return status in _WAITING


def still_worth_sending(notice: Notice, now: DisputeNow | None) -> Mootness | None:
    """None when the notice should go out; otherwise why not.

    Only news counts: a state that is not newer than the event itself (or is not known) changes nothing.
    """
    if now is None or now.version <= notice.cause_version:
        return None
    template = TEMPLATES.get(notice.template)
    match None if template is None else template.read(notice):
        case Resolution():
            return _reopened(notice, now)
        case Acknowledgement() | Breach():
            return _over(now)
        case Assignment() as facts:
            return _over(now) or _reassigned(facts, now)
        case InformationRequest():
            return _over(now) or _answered(notice, now)
        case _:
            return None


def _over(now: DisputeNow) -> Mootness | None:
    if now.status == _WITHDRAWN:
        return Mootness(Reason.MOOT_WITHDRAWN, f"the dispute was withdrawn (version {now.version})")
    if now.status in _OVER - {_SETTLING} and now.resolution_code == "CUSTOMER_PAID":
        return Mootness(Reason.MOOT_PAID, f"the customer has paid all of it (version {now.version})")
    if now.status in _OVER:
        outcome = now.resolution_code or now.status
        return Mootness(Reason.MOOT_RESOLVED, f"the dispute is {now.status}: {outcome} (version {now.version})")
    if now.open.minor == 0:
        return Mootness(Reason.MOOT_PAID, f"nothing of the disputed amount is open any more (version {now.version})")
    return None


def _reassigned(facts: Assignment, now: DisputeNow) -> Mootness | None:
    told = facts.dispute
    if told.owner == now.owner and (told.owner is not None or _team(told.team) == _team(now.team)):
        return None
    return Mootness(Reason.MOOT_REASSIGNED, f"the dispute has another owner now (version {now.version})")


def _answered(notice: Notice, now: DisputeNow) -> Mootness | None:
    """Also where another question is open by now."""
    if not waits_for_an_answer(now.status):
        return Mootness(Reason.MOOT_ANSWERED, f"the dispute is {now.status}, no longer waiting (version {now.version})")
    if now.answered_at > notice.cause_version:
        because = f"this question was answered, the one that is open came later (version {now.answered_at})"
        return Mootness(Reason.MOOT_ANSWERED, because)
    return None


def _reopened(notice: Notice, now: DisputeNow) -> Mootness | None:
    """Also where it has ended anew by now: that outcome has a mail of its own."""
    if is_worked_on(now.status):
        return Mootness(Reason.MOOT_REOPENED, f"the dispute is {now.status} again (version {now.version})")
    if now.contested_at > notice.cause_version:
        because = f"the dispute was reopened, and is {now.status} anew (version {now.version})"
        return Mootness(Reason.MOOT_REOPENED, because)
    return None


def _team(team: str | None) -> str | None:
    return None if team is None else team_name(team)
