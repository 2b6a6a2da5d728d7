"""The notification service's real parts: its database migrated, the vault, the log, and a scripted mail server."""

from collections.abc import AsyncIterator, Sequence

import pytest
from support.databases import MakeDatabase
from support.notification_house import Api, House, running_house

from notification_service.dispute_notices.kit import DISPUTE_NOTICES
from notification_service.inbox.kit import NoticeKit


@pytest.fixture
def kits() -> Sequence[NoticeKit]:
    """The notices that the service sends; a test of others says so."""
    return (DISPUTE_NOTICES,)


@pytest.fixture
async def house(make_database: MakeDatabase, kits: Sequence[NoticeKit]) -> AsyncIterator[House]:
    async with running_house(make_database, kits) as house:
        yield house


@pytest.fixture
async def api(house: House) -> Api:
    return Api(house.running.app, house.running.issuer, house.running.client)
