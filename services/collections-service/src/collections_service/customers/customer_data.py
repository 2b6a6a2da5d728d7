"""A customer's name, address and language as they come with the ERP's messages: sealed, and recorded only when new."""

import hashlib
from collections import OrderedDict

import msgspec
from msgspec import Struct

from collections_service.customers.commands import RecordCustomer
from collections_service.customers.state import Customer
from collections_service.customers.stream import CUSTOMER, customer_stream
from redress.contracts.common import Sealed
from redress.decider import fold_stored
from redress.eventlog.log import EventLog
from redress.eventlog.vault import Vault

REMEMBERED = 20_000


class CustomerData(Struct, frozen=True, kw_only=True):
    """In plain text, for as long as a message is being read. None: the message says nothing about it."""

    customer_id: str
    name: str | None = None
    email: str | None = None
    language: str | None = None


def person_of_customer(customer_id: str) -> str:
    """Whose key seals what is personal about a customer. Deleting it erases the customer everywhere."""
    return f"customer:{customer_id}"


class CustomerBook:
    """Knows which customer data is already recorded. Sealed text cannot be compared, so it is opened to find out."""

    def __init__(self, log: EventLog, vault: Vault) -> None:
        self._log = log
        self._vault = vault
        self._recorded: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    async def news(self, tenant_id: str, data: CustomerData) -> RecordCustomer | None:
        """The command that records the new part of the data, sealed; None if nothing is new."""
        if self._recorded.get((tenant_id, data.customer_id)) == _digest(data):
            return None
        known = await self._known(tenant_id, data.customer_id)
        name = await self._new_text(tenant_id, data.customer_id, data.name, known.name)
        email = await self._new_text(tenant_id, data.customer_id, data.email, known.email)
        language = data.language if data.language != known.language else None
        if known.customer_id is not None and name is None and email is None and language is None:
            self.recorded(tenant_id, data)
            return None
        return RecordCustomer(customer_id=data.customer_id, name=name, email=email, language=language)

    def recorded(self, tenant_id: str, data: CustomerData) -> None:
        """The data is in the books now."""
        self._recorded[tenant_id, data.customer_id] = _digest(data)
        self._recorded.move_to_end((tenant_id, data.customer_id))
        if len(self._recorded) > REMEMBERED:
            self._recorded.popitem(last=False)

    async def _known(self, tenant_id: str, customer_id: str) -> Customer:
        """Many at once are read in few round trips."""
        stream = customer_stream(tenant_id, customer_id)
        inputs = await self._log.read_for_command(tenant_id, None, {stream: 0})
        _, state = fold_stored(CUSTOMER, inputs.streams[stream])
        return state

    async def _new_text(
        self, tenant_id: str, customer_id: str, text: str | None, known: Sealed | None
    ) -> Sealed | None:
        if text is None or (known is not None and await self._vault.open(tenant_id, known) == text):
            return None
        return await self._vault.seal(tenant_id, person_of_customer(customer_id), text)


def _digest(data: CustomerData) -> bytes:
    return hashlib.sha256(msgspec.json.encode(data)).digest()
