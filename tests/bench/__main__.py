"""`make bench`, or `cd tests && python -m bench`: everything beside its peers in one run; tables and one JSON file.

The machine is never quiet: what counts is the ratio inside one round, and its median over the rounds.
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import uvloop

from bench.append import hot_stream, many_streams
from bench.databases import Stand, stand
from bench.growth import growth
from bench.http_api import http_api
from bench.lists import ageing, dispute_lists
from bench.measure import Comparison, Rounds
from bench.operations import rebuilds, start_up
from bench.part_payments import part_payments
from bench.replay import one_aggregate, whole_log
from bench.report import digest, machine, table, verdicts, write_json
from bench.targets import judge
from bench.transports import transports

Part = Callable[[Stand, argparse.Namespace], Awaitable[list[Comparison]]]

MILLION = 1_000_000


def _sizes(asked: argparse.Namespace) -> tuple[int, ...]:
    sizes = (10_000, 100_000, MILLION, 5 * MILLION)
    return tuple(size for size in sizes if size <= asked.events)


PARTS: dict[str, Part] = {
    "append": lambda where, asked: many_streams(where, Rounds(asked.rounds, asked.seconds)),
    "hot": lambda where, asked: hot_stream(where, Rounds(asked.rounds, asked.seconds)),
    "replay": lambda where, asked: one_aggregate(where, Rounds(asked.rounds)),
    "fold": lambda where, asked: whole_log(where, Rounds(min(3, asked.rounds), warm_up=0), min(asked.events, MILLION)),
    "http": lambda where, asked: http_api(where, Rounds(asked.rounds, asked.seconds)),
    "transports": lambda where, asked: transports(
        where, Rounds(min(3, asked.rounds)), min(asked.events, 100_000) // 2, asked.latencies
    ),
    "lists": lambda where, asked: dispute_lists(where, Rounds(min(5, asked.rounds)), min(asked.events, MILLION)),
    "ageing": lambda where, asked: ageing(where, Rounds(min(3, asked.rounds)), min(asked.events, MILLION)),
    "payments": lambda where, asked: part_payments(where, Rounds(min(3, asked.rounds))),
    "rebuild": lambda where, asked: rebuilds(
        where, Rounds(min(3, asked.rounds), warm_up=0), min(asked.events, 100_000)
    ),
    "startup": lambda where, asked: start_up(where, Rounds(min(3, asked.rounds))),
    "growth": lambda where, asked: growth(where, _sizes(asked)),
}


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS)}; all of them if none is named")
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured, in turn")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long one measurement of a rate takes")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--million", dest="events", action="store_const", const=MILLION, help="logs of up to 1,000,000")
    size.add_argument("--five-million", dest="events", action="store_const", const=5 * MILLION)
    size.add_argument(
        "--events", type=int, default=100_000, help="the largest log; more than 1,000,000 for growth only"
    )
    parser.add_argument("--latencies", type=int, default=500, help="single events whose way is timed, per transport")
    size.add_argument("--smoke", action="store_true", help="everything once and tiny: whether it runs, not how fast")
    parser.set_defaults(events=100_000)
    parser.add_argument("--json", type=Path, default=Path("../.data/bench.json"))
    asked = parser.parse_args(given)
    if asked.smoke:
        asked.rounds, asked.seconds, asked.events, asked.latencies = 1, 0.2, 1_000, 5
    if unknown := set(asked.part) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return asked


async def measured(asked: argparse.Namespace, failed: list[str]) -> AsyncIterator[Comparison]:
    """Part after part. One that fails is said aloud and named in `failed`; the others go on."""
    with stand() as where:
        for name, part in PARTS.items():
            if asked.part and name not in asked.part:
                continue
            try:
                for comparison in await part(where, asked):
                    yield comparison
            except Exception:  # noqa: BLE001 - the figures of all other parts would be lost
                traceback.print_exc()
                failed.append(name)


async def main(asked: argparse.Namespace) -> int:
    begun, load_before = time.monotonic(), os.getloadavg()[0]
    comparisons: list[Comparison] = []
    failed: list[str] = []
    async for comparison in measured(asked, failed):
        print(table(comparison), flush=True)
        comparisons.append(comparison)
    judged = judge(comparisons)
    print(verdicts(judged))
    minutes = round((time.monotonic() - begun) / 60, 1)
    asked_for = {name: value for name, value in vars(asked).items() if name != "json"}
    about = {**machine(load_before), "minutes": minutes, "asked": asked_for, "failed": failed}
    write_json(asked.json, comparisons, judged, about)
    page = asked.json.with_suffix(".md")
    page.write_text(f"{verdicts(judged)}\n{digest(comparisons)}")
    print(f"{minutes} minutes; written to {asked.json.resolve()} and {page.name}")
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return len(failed)


if __name__ == "__main__":
    sys.exit(uvloop.run(main(arguments(sys.argv[1:]))))
