"""given(history).when(command).then(events): sentences about an aggregate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")
R = TypeVar("R", bound=Exception)


@dataclass(frozen=True)
class DecisionResult(Generic[S, E]):
    """The result of a command on a history."""

    state: S
    events: Sequence[E]
    evolve: Callable[[S, E], S]
    refusal: Exception | None = None

    @property
    def after(self) -> S:
        """The state with the new events."""
        assert self.refusal is None, self.refusal
        state = self.state
        for event in self.events:
            state = self.evolve(state, event)
        return state

    def then(self, *expected: E) -> S:
        assert self.refusal is None, self.refusal
        assert list(self.events) == list(expected)
        return self.after

    def then_kinds(self, *expected: type[object]) -> S:
        """Only which events there are, where their contents are the subject of another test."""
        assert self.refusal is None, self.refusal
        assert [type(event) for event in self.events] == list(expected)
        return self.after

    def then_nothing(self) -> S:
        return self.then()

    def then_refused(self, refusal: type[R]) -> R:
        assert isinstance(self.refusal, refusal), (self.refusal, self.events)
        return self.refusal


@dataclass(frozen=True)
class Given(Generic[C, S, E]):
    """A history, and the pure functions that continue it."""

    decide: Callable[[C, S], list[E]]
    evolve: Callable[[S, E], S]
    state: S
    refusals: type[Exception]

    def given(self, *events: E) -> "Given[C, S, E]":
        state = self.state
        for event in events:
            state = self.evolve(state, event)
        return Given(self.decide, self.evolve, state, self.refusals)

    def after(self, *commands: C) -> "Given[C, S, E]":
        """The history that these commands make, one after the other."""
        here = self
        for command in commands:
            here = here.given(*here.decide(command, here.state))
        return here

    def when(self, command: C) -> DecisionResult[S, E]:
        try:
            events = self.decide(command, self.state)
        except self.refusals as refusal:
            return DecisionResult(self.state, (), self.evolve, refusal)
        return DecisionResult(self.state, events, self.evolve)


def euro(text: str) -> int:
    """Minor units of a readable amount: "1,234.50" is 123450."""
    whole, _, fraction = text.replace(",", "").partition(".")
    if len(fraction) not in (0, 2):
        pytest.fail(f"{text} is not an amount in euro")
    return int(whole) * 100 + int(fraction or 0)
