"""Everything that notices about one kind of subject need: a feature with notices hands the service one of these."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from notification_service.inbox.sources import EventSource
from notification_service.notices.notice import Notice
from notification_service.notices.plan import Rule
from notification_service.notices.worth import Mootness
from notification_service.wording.letter import Letter
from redress.contracts.envelope import PublishedEvent
from redress.eventlog.connections import Connection
from redress.projections.projection import Projection


class WorthCheck(Protocol):
    """Why a notice is not worth sending any more; None if it still is."""

    async def __call__(self, connection: Connection, tenant_id: str, notice: Notice) -> Mootness | None: ...


class NoticeKit(Struct, frozen=True, kw_only=True):
    """`source` is where the events come from, `rules` say who is told, `letters` with the folder `texts` how.

    `worth` is asked by the type of a notice's subject right before it is sent; a notice about another type is always
    worth sending. `states` are the read models that `worth` looks into.
    """

    source: EventSource[Any]
    rules: tuple[Rule[Any, Any], ...]
    letters: tuple[Letter[Any], ...]
    texts: Path
    worth: Mapping[str, WorthCheck] = {}
    states: tuple[Callable[[], Projection[PublishedEvent]], ...] = ()
