"""Plan the notices of an event. Pure: the same event and the same directory always give the same notices.

The rules are values, listed by the service and the type of the event they speak about. A rule says who is told and
with which facts; here that becomes notices. Nobody is forgotten silently: somebody whom a rule names and who cannot
be told gets a notice that says why not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from msgspec import Struct

from notification_service.notices.notice import EMAIL, Address, Notice, Subject, Template
from notification_service.notices.notice_rules import NoticeRules, notice_rules_policy
from notification_service.notices.reasons import Reason
from redress.policy.state import PolicyInForce

HISTORICAL_AFTER = timedelta(days=30)  # decision 8: older events are imported history, and history mails nobody

E = TypeVar("E")
F = TypeVar("F", bound=Struct)


class ReceivedEvent(Struct, Generic[E], frozen=True, kw_only=True):
    """A published event as it arrived from the service `source`. `effective_at` is when it counts, `recorded_at` when
    it was recorded, `version` that of its subject after it, `legal_entity` whose it is."""

    source: str
    event_id: str
    type: str
    version: int
    effective_at: datetime
    recorded_at: datetime
    subject: Subject
    event: E
    legal_entity: str | None = None


class Contact(Struct, frozen=True, kw_only=True):
    """A possible recipient: of the directory, a person at the customer, or an owner whose name is an address.

    `recipient` is how notices call them; `lead` the directory name of a team's lead, None if there is none.
    """

    recipient: str
    address: Address
    lead: str | None = None


class Contacts(Struct, frozen=True):
    """The contacts that planning can look up: names (`team:pricing`, `anna`, `anna@seller.example`) → who that is."""

    people: Mapping[str, Contact]


class Addressee(Struct, Generic[F], frozen=True):
    """A recipient who gets a notice of these facts."""

    facts: F
    contact: Contact


class Omission(Struct, Generic[F], frozen=True, kw_only=True):
    """A recipient who should get a notice of these facts and does not."""

    facts: F
    recipient: str
    reason: Reason
    because: str


Decision = Addressee[F] | Omission[F]


class Rule(Struct, Generic[E, F], frozen=True, kw_only=True):
    """Who is told about the events of one class that the service `source` publishes.

    `tells` completes the sentence "<event> is told to …". `names` are the directory names that `decide` may look up;
    the leads of named teams come on top.
    """

    name: str
    source: str
    event: type[E]
    template: Template[F]
    tells: str
    decide: Callable[[E, Contacts], Sequence[Decision[F]]]
    names: Callable[[E], tuple[str, ...]] = lambda _: ()
    channel: str = EMAIL

    @property
    def event_type(self) -> str:
        return str(self.event.__struct_config__.tag)  # type: ignore[attr-defined]


class PlannedNotice(Struct, frozen=True, kw_only=True):
    """A notice to be queued, or, with `skip`, one that is not sent. `explanation` is the decision in words."""

    notice: Notice
    explanation: str
    skip: Reason | None = None


class Rules:
    """All rules, in a fixed order, and the policy that may switch some of them off. ValueError where two have one
    name."""

    def __init__(self, rules: Iterable[Rule[Any, Any]]) -> None:
        self._rules: dict[tuple[str, str], list[Rule[Any, Any]]] = defaultdict(list)
        names: set[str] = set()
        for rule in rules:
            if rule.name in names:
                raise ValueError(f"two rules are called {rule.name}")
            names.add(rule.name)
            self._rules[rule.source, rule.event_type].append(rule)
        self.policy = notice_rules_policy(names)

    def about(self, source: str, event_type: str) -> tuple[Rule[Any, Any], ...]:
        """The rules that speak about an event type; empty where none does."""
        return tuple(self._rules.get((source, event_type), ()))

    def names_in(self, received: ReceivedEvent[Any]) -> tuple[str, ...]:
        """The directory names that the rules may look up for this event, each once."""
        rules = self.about(received.source, received.type)
        return tuple(dict.fromkeys(name for rule in rules for name in rule.names(received.event)))

    def plan(
        self, received: ReceivedEvent[Any], contacts: Contacts, policy: PolicyInForce[NoticeRules]
    ) -> list[PlannedNotice]:
        """The notices about one event, in a fixed order; empty where no rule speaks about it."""
        return [
            _planned(received, rule, decided, policy)
            for rule in self.about(received.source, received.type)
            for decided in rule.decide(received.event, contacts)
        ]


def to_named(facts: F, name: str, contacts: Contacts) -> Decision[F]:
    """To an entry of the directory; without one, the reason."""
    found = contacts.people.get(name)
    if found is None:
        because = f"the directory has no entry {name}"
        return Omission(facts=facts, recipient=name, reason=Reason.NO_ADDRESS, because=because)
    return Addressee(facts, found)


def _planned(
    received: ReceivedEvent[Any], rule: Rule[Any, F], decided: Decision[F], policy: PolicyInForce[NoticeRules]
) -> PlannedNotice:
    """History is named first: of an imported event it is the reason that would remain if another one were mended. The
    policy comes next, for the same reason."""
    recipient, address = _reached(decided)
    skip, because = (decided.reason, decided.because) if isinstance(decided, Omission) else (None, "")
    if rule.name in policy.document.switched_off:
        skip, because = Reason.SWITCHED_OFF, f"the rule is switched off by {policy.citation}"
    if received.recorded_at - received.effective_at > HISTORICAL_AFTER:
        skip, because = Reason.HISTORICAL, _ages(received)
    told = f"{received.type} is told to {rule.tells}"
    return PlannedNotice(
        notice=Notice(
            cause=received.event_id,
            cause_type=received.type,
            cause_version=received.version,
            cause_at=received.recorded_at,
            subject=received.subject,
            rule=rule.name,
            policy=policy.citation,
            template=rule.template.name,
            channel=rule.channel,
            recipient=recipient,
            facts=rule.template.write(decided.facts),
            address=address,
            legal_entity=received.legal_entity,
        ),
        explanation=f"{told}; to be sent" if skip is None else f"{told}; not sent: {because}",
        skip=skip,
    )


def _reached(decided: Addressee[Any] | Omission[Any]) -> tuple[str, Address | None]:
    if isinstance(decided, Omission):
        return decided.recipient, None
    return decided.contact.recipient, decided.contact.address


def _ages(received: ReceivedEvent[Any]) -> str:
    days = (received.recorded_at - received.effective_at).days
    return (
        f"it took effect on {received.effective_at.date().isoformat()} and was recorded {days} days later, "
        f"more than {HISTORICAL_AFTER.days}: imported history mails nobody"
    )
