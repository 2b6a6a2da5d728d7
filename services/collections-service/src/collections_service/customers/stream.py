"""A customer in the log: the stored names of its events and the id of its stream. A stored name never changes."""

from typing import Final
from uuid import UUID

from collections_service.customers.document import current_customer
from collections_service.customers.events import CustomerChanged, CustomerEvent, CustomerRegistered
from collections_service.customers.state import Customer, evolve
from redress.codec import Codec
from redress.decider import Decider
from redress.ids import derived_uuid

CUSTOMER_CODEC: Final[Codec[CustomerEvent]] = Codec(
    {
        "customer-registered": (1, CustomerRegistered),
        "customer-changed": (1, CustomerChanged),
    }
)
CUSTOMER: Final[Decider[Customer, CustomerEvent]] = Decider(
    stream_type="customer",
    initial=Customer(),
    evolve=evolve,
    codec=CUSTOMER_CODEC,
    document=current_customer,
)


def customer_stream(tenant_id: str, customer_id: str) -> UUID:
    return derived_uuid("customer", tenant_id, customer_id)
