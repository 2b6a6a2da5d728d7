"""`make walk`: a long random walk of both services' cores. What breaks a promise is cut down and shown."""

import argparse
import sys
import time
from collections.abc import Mapping

from walk.people_and_erp import PeopleAndErp
from walk.planted import BUGS, planted
from walk.promises import Broken, Promise
from walk.shrinking import broken_by, shrunk
from walk.walk import Walk


def main() -> int:
    """0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="walk", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--ops", type=int, default=5_000, help="operations of each walk")
    parser.add_argument("--walks", type=int, default=1, help="how many, with the seeds that follow")
    parser.add_argument("--planted", metavar="PROMISE", help="plant the bug that breaks this promise, or with all each")
    arguments = parser.parse_args()
    if arguments.planted:
        wanted = list(BUGS) if arguments.planted == "all" else [Promise[arguments.planted]]
        return sum(_planted(promise, arguments.seed, arguments.ops) for promise in wanted) and 1
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


def _planted(promise: Promise, seed: int, operations: int) -> int:
    """0 if the walk names the promise that the planted bug breaks."""
    found = "nothing"
    for number in range(5):
        walk = Walk()
        with planted(promise):
            drawn = PeopleAndErp(seed + number, walk)
            try:
                for _ in range(operations):
                    walk.do(drawn.next())
            except Broken as broken:
                found = broken.promise.name
                print(f"planted {promise.name:15} found {found:15} seed {seed + number}, operation {walk.done}")
                if broken.promise is promise:
                    return 0
    print(f"planted {promise.name}: not found")
    return 1


def _table(taken: Mapping[str, int], refused: Mapping[str, int]) -> None:
    for kind in sorted({*taken, *refused}):
        print(f"  {kind:22}{taken.get(kind, 0):6} done {refused.get(kind, 0):5} refused")


if __name__ == "__main__":
    sys.exit(main())
