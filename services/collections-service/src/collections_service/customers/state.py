"""One customer as its events left it."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from collections_service.customers.events import CustomerChanged, CustomerEvent, CustomerRegistered
from redress.contracts.common import Sealed


class Customer(Struct, frozen=True, kw_only=True):
    """`customer_id` is None for a customer nobody has told us about."""

    customer_id: str | None = None
    name: Sealed | None = None
    email: Sealed | None = None
    language: str | None = None


def evolve(customer: Customer, event: CustomerEvent) -> Customer:
    match event:
        case CustomerRegistered():
            return Customer(customer_id=event.customer_id, name=event.name, email=event.email, language=event.language)
        case CustomerChanged():
            return replace(customer, name=event.name, email=event.email, language=event.language)
        case _:
            assert_never(event)
