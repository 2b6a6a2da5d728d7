"""The interface of an event follower: a projection builds rows, a reactor has effects."""

from collections.abc import Sequence
from typing import Protocol, TypeVar, runtime_checkable

from redress.eventlog.connections import Connection

E_contra = TypeVar("E_contra", contravariant=True)


class Projection(Protocol[E_contra]):
    """A handler of events. `name` names its checkpoint for ever.

    `apply` is called with events in the order of their streams, inside the transaction that moves the checkpoint: it
    writes through `connection` only, never commits, and names tables without a schema (a rebuild swaps schemas).
    It never refuses a fact; an exception means that it cannot go on, and after some tries the stream is parked.

    A reactor (`reactor = True`) also appends, schedules or inserts work. Its command ids derive from the causing event,
    and it is never run by a rebuild.
    """

    @property
    def name(self) -> str: ...

    async def apply(self, connection: Connection, events: Sequence[E_contra]) -> None: ...


@runtime_checkable
class Rebuildable(Protocol):
    """A projection that can be rebuilt: `tables` are all the tables it writes, and no other consumer writes them."""

    @property
    def name(self) -> str: ...

    @property
    def tables(self) -> Sequence[str]: ...


def is_reactor(projection: object) -> bool:
    return bool(getattr(projection, "reactor", False))
