"""A notice: one message about one event to one recipient over one channel, with all that its wording needs later.

Everything personal in it is sealed; the rest are business facts as they stood after the event it is about.
"""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from redress.contracts.common import Sealed

EMAIL = "email"

F = TypeVar("F", bound=Struct)


class Address(Struct, frozen=True, kw_only=True):
    """Where a recipient is reached. `name` None: unknown, so the salutation is impersonal.

    `language` is what the recipient asked for (`de`, `de-AT`, `fr`, …); which of our languages that becomes is the
    wording's business.
    """

    email: Sealed
    language: str
    name: Sealed | None = None


class Subject(Struct, frozen=True):
    """The thing an event is about: `dispute` and `dsp_…`, `invoice` and its number."""

    type: str
    id: str


DISPUTE = "dispute"


def dispute_id_of(subject: Subject) -> str | None:
    """The dispute that it is; None for a subject of another type."""
    return subject.id if subject.type == DISPUTE else None


class Notice(Struct, frozen=True, kw_only=True):
    """Who is told what, why, and where.

    `cause` is the id of the published event (`evt_…`), `cause_version` the subject's version after it, `cause_at` when
    it was recorded. `recipient` names who is meant without saying who they are: `person:<key>`, `customer:<id>`,
    `team:<name>` or a directory id. `rule` is the rule that made this notice, `policy` cites the policy that
    said which rules are switched off. `facts` is the JSON of the template's facts, which the template alone reads.
    `address` is None only where there is none, and such a notice is never queued. `legal_entity` is the one that
    writes; None: it is not said.
    """

    cause: str
    cause_type: str
    cause_version: int
    cause_at: datetime
    subject: Subject
    rule: str
    policy: str
    template: str
    channel: str
    recipient: str
    facts: Raw
    address: Address | None = None
    legal_entity: str | None = None


class Template(Struct, Generic[F], frozen=True):
    """A kind of notice and the facts it speaks of. A field more in the facts needs a default: they are stored."""

    name: str
    facts: type[F]

    def write(self, facts: F) -> Raw:
        """The facts as a notice carries them."""
        return Raw(msgspec.json.encode(facts))

    def read(self, notice: Notice) -> F:
        """The facts of a notice of this template. msgspec.ValidationError if they are another one's."""
        return msgspec.json.decode(notice.facts, type=self.facts)
