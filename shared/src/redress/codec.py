"""Stored name and version ↔ event class. Classes may be renamed and moved; stored bytes never change.

A service lists its events once. An event whose shape changed gets a new version and an upcaster from the version
before it; every stored byte that ever existed is read through the same path (golden files hold us to it).
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

E = TypeVar("E")

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def fields_added(older: dict[str, Any]) -> dict[str, Any]:
    """The upcaster to a version that only gained fields whose defaults are true of every older event."""
    return older


class UnknownEventType(Exception):
    """The log holds a type or version that this code does not know (a newer release wrote it)."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"stored event {name} version {version} is not known to this release")
        self.name = name
        self.version = version


class Codec(Generic[E]):
    """Encodes and decodes the events of one aggregate.

    `types` maps stored name to (current version, class). `upcasters` maps (stored name, old version) to a pure function
    from the old JSON object to the next version's. Encoding is deterministic: equal events have equal bytes.
    """

    def __init__(
        self,
        types: Mapping[str, tuple[int, type[E]]],
        upcasters: Mapping[tuple[str, int], Upcaster] | None = None,
    ) -> None:
        self._upcasters = dict(upcasters or {})
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self._names = {cls: (name, version) for name, (version, cls) in types.items()}
        self._current = {name: version for name, (version, _) in types.items()}
        self._classes = {name: cls for name, (_, cls) in types.items()}
        self._decoders = {name: msgspec.json.Decoder(cls) for name, (_, cls) in types.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._current)

    def encode(self, event: E) -> tuple[str, int, bytes]:
        """Stored name, version and bytes."""
        name, version = self._names[type(event)]
        return name, version, self._encoder.encode(event)

    def decode(self, name: str, version: int, payload: bytes) -> E:
        """The event in its newest shape. UnknownEventType for a name or version this release does not know."""
        if self._current.get(name) == version:
            return self._decoders[name].decode(payload)
        if name not in self._current or version > self._current[name]:
            raise UnknownEventType(name, version)
        try:
            upcasters = [self._upcasters[name, step] for step in range(version, self._current[name])]
        except KeyError:
            raise UnknownEventType(name, version) from None
        if all(upcast is fields_added for upcast in upcasters):
            return self._decoders[name].decode(payload)
        document: dict[str, Any] = msgspec.json.decode(payload)
        for upcast in upcasters:
            document = upcast(document)
        return msgspec.convert(document, self._classes[name])
