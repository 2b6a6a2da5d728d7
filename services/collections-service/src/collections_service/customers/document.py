"""The current-state document of a customer, written in the append's transaction. Names and addresses stay sealed."""

from uuid import UUID

import msgspec
from msgspec import Struct

from collections_service.customers.state import Customer
from redress.contracts.common import Sealed


class CustomerDocument(Struct, frozen=True, kw_only=True):
    customer_id: str
    name: Sealed | None
    email: Sealed | None
    language: str | None


_encoder = msgspec.json.Encoder()


def customer_document(_stream_id: UUID, _version: int, customer: Customer) -> bytes | None:
    if customer.customer_id is None:
        return None
    return _encoder.encode(
        CustomerDocument(
            customer_id=customer.customer_id, name=customer.name, email=customer.email, language=customer.language
        )
    )
