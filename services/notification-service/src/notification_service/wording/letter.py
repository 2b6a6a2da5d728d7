"""A letter turns the facts of one template into the variables of its texts. A feature adds one per template."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from notification_service.notices.notice import Template
from notification_service.wording.language import Language
from redress.contracts.common import Sealed

F = TypeVar("F", bound=Struct)

Value = str | int | None | list[str] | list[dict[str, str | None]] | list[tuple[str, str]]
Texts = Mapping[str, str]


class Letter(Struct, Generic[F], frozen=True, kw_only=True):
    """`variables` writes the facts as the language writes them; it is given the texts that were sealed, by name.

    `sealed` are the texts among the facts that only the vault can open. A letter without one of them is not written.
    """

    template: Template[F]
    variables: Callable[[F, Texts, Language], dict[str, Value]]
    sealed: Callable[[F], Mapping[str, Sealed]] = lambda _: {}
