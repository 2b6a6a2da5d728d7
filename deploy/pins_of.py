"""The part of requirements.lock that some of its names need, with all hashes: what goes into an image.

`python deploy/pins_of.py redress redress-dispute-service <requirements.lock`. The lock pins everything for everybody,
also the embedded PostgreSQL, the Java runtime and the test tools; `# via` says who asked for a pin, so what a member
of the workspace (or a pinned tool) needs is what leads back to it. Only the standard library is used: this runs before
anything is installed.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence

_PIN = re.compile(r"([A-Za-z0-9._-]+)==")
_VIA = re.compile(r"    # +(?:via +)?([A-Za-z0-9._-]*)")


class NothingPinned(Exception):
    """Nothing in the lock leads back to the names: misspelt names, or a lock without its `# via` comments."""


def pins_of(names: Sequence[str], lock: str) -> str:
    """The lines of the pins of `names`, and of all that lead back to them. NothingPinned if there is none."""
    blocks = dict(_blocks(lock.splitlines()))
    asked_by = {name: _asked_by(lines) for name, lines in blocks.items()}
    needed = set(names)
    while added := {name for name, askers in asked_by.items() if name not in needed and askers & needed}:
        needed |= added
    if not needed & blocks.keys():
        raise NothingPinned(f"no pin of the lock is there for {' or '.join(names)}")
    return "".join(f"{line}\n" for name, lines in blocks.items() if name in needed for line in lines)


def _blocks(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """A pin's name and its lines: the version, the hashes, who asked for it."""
    name, block = "", list[str]()
    for line in lines:
        if found := _PIN.match(line):
            if name:
                yield name, block
            name, block = found[1], []
        block.append(line)
    if name:
        yield name, block


def _asked_by(block: Sequence[str]) -> frozenset[str]:
    return frozenset(found[1] for line in block if (found := _VIA.match(line)) and found[1])


def main(arguments: Sequence[str]) -> None:
    if not arguments:
        raise SystemExit("name the members of the workspace that are to be installed, or a tool")
    try:
        print(pins_of(arguments, sys.stdin.read()), end="")
    except NothingPinned as wrong:
        raise SystemExit(str(wrong)) from None


if __name__ == "__main__":
    main(sys.argv[1:])
