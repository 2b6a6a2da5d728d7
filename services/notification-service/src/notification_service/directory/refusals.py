"""The reasons for which a directory entry is not recorded.

DirectoryRefusal
├── BadEntryId            bad_directory_id        the id is not a plain word
├── LeadsItself           leads_itself            nobody is their own lead
└── OnlyTeamsHaveLeads    only_teams_have_leads   a person has no lead
"""

from redress.refusal import Refusal


class DirectoryRefusal(Refusal):
    """Any refusal of the directory."""


class BadEntryId(DirectoryRefusal):
    code = "bad_directory_id"
    title = "Not an id of the directory"

    def __init__(self) -> None:
        super().__init__("an id is 1 to 100 letters, digits and . _ @ : + -, such as anna or team:pricing")


class LeadsItself(DirectoryRefusal):
    code = "leads_itself"
    title = "Nobody is their own lead"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"{entry_id} cannot be its own lead", place=("lead",))


class OnlyTeamsHaveLeads(DirectoryRefusal):
    code = "only_teams_have_leads"
    title = "Only a team has a lead"

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"{entry_id} is a person; only a team has a lead", place=("lead",))
