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
    """The latest that is known of a dispute. `open` is what is still disputed."""

    version: int
    status: str
    open: Money
    owner: str | None = None
    team: str | None = None
    resolution_code: str | None = None


def still_worth_sending(notice: Notice, now: DisputeNow | None) -> Mootness | None:
    """None when the notice should go out; otherwise why not.

    Only news counts: a state that is not newer than the event itself (or is not known) changes nothing.
    """
    if now is None or now.version <= notice.cause_version:
        return None
    template = TEMPLATES.get(notice.template)
    match None if template is None else template.read(notice):
        case Resolution():
            return _reopened(now)
        case Acknowledgement() | Breach():
            return _over(now)
        case Assignment() as facts:
            return _over(now) or _reassigned(facts, now)
        case InformationRequest():
            return _over(now) or _answered(now)
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


def _answered(now: DisputeNow) -> Mootness | None:
    if now.status in _WAITING:
        return None
    return Mootness(Reason.MOOT_ANSWERED, f"the dispute is {now.status}, no longer waiting (version {now.version})")


def _reopened(now: DisputeNow) -> Mootness | None:
    if now.status in _OVER or now.status == _WITHDRAWN:
        return None
    return Mootness(Reason.MOOT_REOPENED, f"the dispute is {now.status} again (version {now.version})")


def _team(team: str | None) -> str | None:
    return None if team is None else team_name(team)
