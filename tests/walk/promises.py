"""The promises that the walk holds both services to, each a sentence. `Broken` names the one that is not kept."""

from enum import StrEnum


class Promise(StrEnum):
    # the ledger
    BOOKS = "the ledger has open and unapplied, on every day, what its records make of the ERP's messages"
    REFUSED = "a message is refused where the records refuse it, and only there; what is refused changes nothing"
    CONSERVED = "billed - received - written off - granted = open - unapplied, in every currency"
    HELD_FITS = "never is more held than is open, at no event and on no day"
    DISCOUNT = "a cash discount is no more than was agreed, and there are payments in time that earn it"
    # two services
    FACTS = "no fact is refused: what one service says, the other takes"
    ONCE = "what is heard twice counts once"
    ONE_HOLDER = "once all is heard, both services name the same holder for every cent"
    REPLAY = "replayed from its stored events, every stream is as it is"
    # who holds what
    ITEM_CONSERVED = "disputed = open + paid + credited + reduced + written off + rejected + withdrawn, of every item"
    OLDEST = "a payment or write-off takes what nobody contests first, then from the oldest dispute, grants last"
    SERVES = "a credit serves the dispute it names, then awaited credits, then contests, the oldest first"
    SMALLER = "a smaller invoice serves awaited credits, and then takes no more than does not fit, the oldest first"
    GIVES_BACK = (
        "what comes back gives disputes what it had taken from them, no more than comes back, and takes nothing"
    )
    ELSEWHERE = "what is no posting of the invoice moves no dispute of it"
    GRANTED_STAYS = "what was granted stays granted until a posting serves it or a person reopens"
    GRANT_FITS = "disputes never wait for more than the invoice can still be credited"
    # people
    STATES = "active disputes contest something, settling ones wait for all that is open, ended ones hold nothing"
    PERSON = "a person's command moves no money but as it says, and no other dispute"
    BOUNCED = "no dispute lives of a short payment that is not on the invoice any more"
    # what is asked for
    ASKED = "only what was rejected is asked for again, and of each dispute no more than that"
    TASKS_FIT = "when a recovery task begins or grows, all of them ask for no more than is free on the invoice"
    SETTLED = "what was said settled is not asked for until its posting comes or a person says otherwise"
    # time
    KNOWN_AT = "an answer as it was known then stays the same for ever"
    AS_OF = "an answer about a day stays the same unless something is recorded about that day or an earlier one"
    TWO_VIEWS = "the invoice and the movements that ageing sums up say the same of every day"


class Broken(AssertionError):
    """A promise was not kept."""

    def __init__(self, promise: Promise, detail: str) -> None:
        super().__init__(f"{promise.name}: {promise.value}\n  {detail}")
        self.promise = promise


def holds(promise: Promise, condition: bool, detail: object = "") -> None:
    if not condition:
        raise Broken(promise, str(detail))
