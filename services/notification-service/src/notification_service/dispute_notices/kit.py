"""Notices about disputes: the events, the rules, the letters and the question whether they still matter."""

from notification_service.dispute_notices.dispute_state import DisputeStates, is_moot
from notification_service.dispute_notices.letters import LETTERS, TEXTS
from notification_service.dispute_notices.rules import RULES
from notification_service.dispute_notices.source import DISPUTE_EVENTS
from notification_service.inbox.kit import NoticeKit
from notification_service.notices.notice import DISPUTE

DISPUTE_NOTICES = NoticeKit(
    source=DISPUTE_EVENTS,
    rules=RULES,
    letters=LETTERS,
    texts=TEXTS,
    worth={DISPUTE: is_moot},
    states=(DisputeStates,),
)
