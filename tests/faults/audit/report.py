"""The audit's report: per invariant the number of checks, and every place where it does not hold."""

from typing import Any
from uuid import UUID

from msgspec import Struct

_KEPT = 50  # violations told per invariant and service; they are counted on


class Violation(Struct, frozen=True, kw_only=True):
    """Where an invariant does not hold. A field that does not apply is None."""

    invariant: str
    service: str
    what: str
    stream: UUID | str | None = None
    version: int | None = None
    seq: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        where = [f"stream {self.stream}"] if self.stream is not None else []
        where += [f"version {self.version}"] if self.version is not None else []
        where += [f"seq {self.seq}"] if self.seq is not None else []
        where += [f"key {self.key}"] if self.key is not None else []
        return f"{self.invariant} {self.service}: {self.what}" + (f" ({', '.join(where)})" if where else "")


class Finding:
    """One statement that was checked: what about, how many things were looked at, and where it is not so."""

    def __init__(self, invariant: str, service: str, statement: str) -> None:
        self.invariant = invariant
        self.service = service
        self.statement = statement
        self.looked_at = 0
        self.wrong = 0
        self.violations: list[Violation] = []

    def look(self, count: int = 1) -> None:
        self.looked_at += count

    def violated(
        self,
        what: str,
        *,
        stream: UUID | str | None = None,
        version: int | None = None,
        seq: int | None = None,
        key: str | None = None,
    ) -> None:
        self.wrong += 1
        if len(self.violations) < _KEPT:
            self.violations.append(
                Violation(
                    invariant=self.invariant,
                    service=self.service,
                    what=what,
                    stream=stream,
                    version=version,
                    seq=seq,
                    key=key,
                )
            )

    def must(self, holds: object, what: str, **where: Any) -> None:
        """One thing more was looked at."""
        self.looked_at += 1
        if not holds:
            self.violated(what, **where)


class Verdict(Struct, frozen=True):
    findings: tuple[Finding, ...]

    @property
    def violations(self) -> list[Violation]:
        """In the order of the invariants; inside one, in log order."""
        found = [violation for finding in self.findings for violation in finding.violations]
        return sorted(found, key=lambda v: (int(v.invariant[1:]), v.service, v.seq is None, v.seq or 0))

    @property
    def broken(self) -> list[str]:
        """The invariants that do not hold."""
        return sorted({violation.invariant for violation in self.violations}, key=lambda name: int(name[1:]))

    def __str__(self) -> str:
        lines = []
        for finding in sorted(self.findings, key=lambda f: (int(f.invariant[1:]), f.service, f.statement)):
            mark = "ok  " if not finding.wrong else "NOT "
            amount = f"{finding.looked_at:,}" + (f", {finding.wrong:,} wrong" if finding.wrong else "")
            lines.append(f"  {mark} {finding.invariant:<4} {finding.service:<14} {finding.statement}: {amount}")
        for number, violation in enumerate(self.violations[:10]):
            lines.append(f"  {'first: ' if number == 0 else '       '}{violation}")
        lines.append(
            f"  verdict: {'every invariant holds' if not self.broken else 'broken: ' + ', '.join(self.broken)}"
        )
        return "\n".join(lines)
