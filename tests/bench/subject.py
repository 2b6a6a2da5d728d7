"""What is written and folded in every measurement: one event of some 0.4 kB, and the smallest useful aggregate."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from redress.codec import Codec
from redress.decider import Decider
from redress.eventlog.events import Actor, CommandRecord, Meta, NewEvent, StreamWrite, encode_meta
from redress.ids import new_uuid

EFFECTIVE = datetime(2026, 3, 30, 16, 2, tzinfo=UTC)
META = Meta(actor=Actor("person", "a.roth"), command_id="c-1", correlation_id="r-1")
META_BYTES = encode_meta(META)


class Assessed(Struct, frozen=True):
    """About as much as a dispute's events carry."""

    dispute: str
    invoice: str
    reason: str
    amount_minor: int
    currency: str
    explanation: str
    lines: tuple[int, ...]
    by: str


class Total(Struct, frozen=True):
    """The folded state: how many events, and the sum of their amounts."""

    events: int = 0
    amount_minor: int = 0


def evolve(state: Total, event: Assessed) -> Total:
    return Total(state.events + 1, state.amount_minor + event.amount_minor)


SAMPLE = Assessed(
    dispute="dsp_01j9zq4h6vxk2m8t7w3r5n1c0d",
    invoice="INV-2026-004711",
    reason="PRICE_DIFFERENCE",
    amount_minor=123450,
    currency="EUR",
    explanation="The price per unit differs from the contract of 14 January; the customer has attached the price list"
    " and asks for a credit memo over the difference on the lines below.",
    lines=(1, 2, 5, 7),
    by="a.roth@example.com",
)
CODEC: Codec[Assessed] = Codec({"assessed": (1, Assessed)})
ACCOUNT: Decider[Total, Assessed] = Decider(stream_type="account", initial=Total(), evolve=evolve, codec=CODEC)
_NAME, _SCHEMA_VERSION, PAYLOAD = CODEC.encode(SAMPLE)
STORED_AS = (_NAME, _SCHEMA_VERSION)
PAYLOAD_TEXT = PAYLOAD.decode()


def an_event() -> NewEvent:
    return NewEvent(
        event_id=new_uuid(),
        type=_NAME,
        schema_version=_SCHEMA_VERSION,
        payload=PAYLOAD,
        meta=META_BYTES,
        effective_at=EFFECTIVE,
    )


def a_write(stream: UUID, expected: int, events: int = 1) -> StreamWrite:
    return StreamWrite(
        stream_id=stream,
        stream_type=ACCOUNT.stream_type,
        expected=expected,
        events=tuple(an_event() for _ in range(events)),
    )


def a_command() -> CommandRecord:
    """A fresh key with an answer of the usual size."""
    return CommandRecord(key=str(new_uuid()), fingerprint=b"f" * 32, status=201, response=PAYLOAD)


def sample_fields() -> dict[str, object]:
    """The sample as plain values, for libraries that encode it themselves."""
    fields: dict[str, object] = msgspec.to_builtins(SAMPLE)
    return fields
