import pytest

from notification_service.directory.commands import RecordEntry
from notification_service.directory.decisions import decide
from notification_service.directory.events import DirectoryEntryRecorded
from notification_service.directory.refusals import BadEntryId, LeadsItself, OnlyTeamsHaveLeads
from notification_service.directory.state import DirectoryEntry, evolve
from redress.contracts.common import Sealed

NAME, EMAIL = Sealed("person:p", b"name"), Sealed("person:p", b"mail")
PRICING = RecordEntry(entry_id="team:pricing", name=NAME, email=EMAIL, language="de", lead="lena")
RECORDED = DirectoryEntryRecorded(entry_id="team:pricing", name=NAME, email=EMAIL, language="de", lead="lena")


def test_an_entry_is_recorded() -> None:
    assert decide(PRICING, DirectoryEntry()) == [RECORDED]


def test_the_same_entry_again_changes_nothing() -> None:
    assert decide(PRICING, evolve(DirectoryEntry(), RECORDED)) == []


def test_another_address_is_news() -> None:
    moved = RecordEntry(
        entry_id="team:pricing", name=NAME, email=Sealed("person:q", b"other"), language="de", lead="lena"
    )
    assert decide(moved, evolve(DirectoryEntry(), RECORDED)) != []


def test_nobody_leads_themselves() -> None:
    with pytest.raises(LeadsItself):
        decide(
            RecordEntry(entry_id="team:tax", name=NAME, email=EMAIL, language="en", lead="team:tax"), DirectoryEntry()
        )


def test_only_a_team_has_a_lead() -> None:
    with pytest.raises(OnlyTeamsHaveLeads):
        decide(RecordEntry(entry_id="anna", name=NAME, email=EMAIL, language="en", lead="lena"), DirectoryEntry())


@pytest.mark.parametrize("entry_id", ["", " anna", "a\nb", "x" * 101, "../x"])
def test_an_id_is_a_plain_word(entry_id: str) -> None:
    with pytest.raises(BadEntryId):
        decide(RecordEntry(entry_id=entry_id, name=NAME, email=EMAIL, language="en"), DirectoryEntry())
