"""Moves to `redress.codec`; goes with the last importer."""

from redress.codec import Codec, UnknownEventType, Upcaster

__all__ = ["Codec", "UnknownEventType", "Upcaster"]
