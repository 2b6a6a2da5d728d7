"""A customer in the log: its decider and the id of its stream."""

from typing import Final
from uuid import UUID

from collections_service.customers.document import customer_document
from collections_service.customers.events import CUSTOMER_CODEC, CustomerEvent
from collections_service.customers.state import Customer, evolve
from redress.decider import Decider
from redress.ids import derived_uuid

CUSTOMER: Final[Decider[Customer, CustomerEvent]] = Decider(
    stream_type="customer",
    initial=Customer(),
    evolve=evolve,
    codec=CUSTOMER_CODEC,
    document=customer_document,
)


def customer_stream(tenant_id: str, customer_id: str) -> UUID:
    return derived_uuid("customer", tenant_id, customer_id)
