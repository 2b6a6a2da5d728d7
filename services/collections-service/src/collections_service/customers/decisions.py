"""Master data follows what the ERP last said; saying nothing about a field keeps it."""

from collections_service.customers.commands import RecordCustomer
from collections_service.customers.events import CustomerChanged, CustomerEvent, CustomerRegistered
from collections_service.customers.state import Customer


def record(command: RecordCustomer, customer: Customer) -> list[CustomerEvent]:
    if customer.customer_id is None:
        return [
            CustomerRegistered(
                customer_id=command.customer_id, name=command.name, email=command.email, language=command.language
            )
        ]
    changed = CustomerChanged(
        name=command.name or customer.name,
        email=command.email or customer.email,
        language=command.language or customer.language,
    )
    known = CustomerChanged(name=customer.name, email=customer.email, language=customer.language)
    return [] if changed == known else [changed]
