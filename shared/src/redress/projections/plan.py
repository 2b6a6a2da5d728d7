"""The part of a batch that is still to be applied, and the checkpoint afterwards. Pure."""

from collections.abc import Mapping
from typing import TypeVar

from msgspec.structs import replace

from redress.messaging.source import Batch, EpochChanged, Mark, SourceItem

E = TypeVar("E")


class Gap(Exception):
    """Events of a shard were not delivered: all with after < seq ≤ through have to be fetched first."""

    def __init__(self, shard: int, after: int, through: int) -> None:
        super().__init__(f"events of shard {shard} after {after} up to {through} were not delivered")
        self.shard, self.after, self.through = shard, after, through


def plan(batch: Batch[E], marks: Mapping[int, Mark], *, numbered: bool) -> tuple[list[SourceItem[E]], dict[int, Mark]]:
    """The items to be applied, and the marks that change.

    What is applied already is left out. EpochChanged and Gap are found here, before anything is applied.
    """
    now = dict(marks)
    items: list[SourceItem[E]] = []
    for item in batch.items:
        mark = now[item.shard]
        _refuse_other_epoch(item.shard, mark, item.epoch)
        if numbered:
            if item.seq <= mark.seq:
                continue
            if item.follows > mark.seq:
                raise Gap(item.shard, mark.seq, item.follows)
        now[item.shard] = replace(mark, seq=item.seq, epoch=item.epoch)
        items.append(item)
    for shard, position in batch.reached.items():
        mark = now[shard]
        _refuse_other_epoch(shard, mark, batch.epoch or mark.epoch)
        if mark.seq < batch.since:
            raise Gap(shard, mark.seq, batch.since)
        if mark.seq < position:
            now[shard] = replace(mark, seq=position, epoch=batch.epoch or mark.epoch)
    for shard, offset in batch.offsets.items():
        now[shard] = replace(now[shard], offset=offset)
    return items, {shard: mark for shard, mark in now.items() if mark != marks[shard]}


def _refuse_other_epoch(shard: int, mark: Mark, epoch: str) -> None:
    if mark.epoch and epoch != mark.epoch:
        raise EpochChanged(shard, mark.epoch, epoch)
