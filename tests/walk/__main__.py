"""`make walk`: a long random walk of both services' cores. What breaks a promise is cut down and shown."""

import argparse
import sys
import time
from collections.abc import Mapping

from walk.people_and_erp import PeopleAndErp
from walk.promises import Broken
from walk.shrinking import broken_by, shrunk
from walk.walk import Walk


def main() -> int:
    """0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="walk", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--ops", type=int, default=5_000, help="operations of each walk")
    parser.add_argument("--walks", type=int, default=1, help="how many, with the seeds that follow")
    arguments = parser.parse_args()
    return sum(_walk(arguments.seed + number, arguments.ops) for number in range(arguments.walks)) and 1


def _walk(seed: int, operations: int) -> int:
    walk = Walk()
    drawn, begun = PeopleAndErp(seed, walk), time.monotonic()
    try:
        for _ in range(operations):
            walk.do(drawn.next())
    except Broken as broken:
        print(f"seed {seed}, operation {walk.done}: {broken}")
        needed = shrunk(drawn.sent, broken.promise)
        print(f"It takes {len(needed)} operations:")
        for operation in needed:
            print(f"  {operation}")
        print(broken_by(needed))
        return 1
    print(f"seed {seed}: {operations} operations in {time.monotonic() - begun:.1f} s, every promise was kept")
    _table(walk.taken, walk.refused)
    return 0


def _table(taken: Mapping[str, int], refused: Mapping[str, int]) -> None:
    for kind in sorted({*taken, *refused}):
        print(f"  {kind:22}{taken.get(kind, 0):6} done {refused.get(kind, 0):5} refused")


if __name__ == "__main__":
    sys.exit(main())
