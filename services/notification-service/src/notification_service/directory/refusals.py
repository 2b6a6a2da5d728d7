"""Why an entry of the directory is not recorded.

DirectoryRefusal
├── BadEntryId            the id is not a plain word
├── LeadsItself           nobody is their own lead
└── OnlyTeamsHaveLeads    a person has no lead
"""


class DirectoryRefusal(Exception):
    """Any refusal of the directory."""


class BadEntryId(DirectoryRefusal):
    def __init__(self, entry_id: str) -> None:
        super().__init__("an id is 1 to 100 letters, digits and . _ @ : + -, such as anna or team:pricing")
        self.entry_id = entry_id


class LeadsItself(DirectoryRefusal):
    def __init__(self, entry_id: str) -> None:
        super().__init__(f"{entry_id} cannot be its own lead")
        self.entry_id = entry_id


class OnlyTeamsHaveLeads(DirectoryRefusal):
    def __init__(self, entry_id: str) -> None:
        super().__init__(f"{entry_id} is a person; only a team has a lead")
        self.entry_id = entry_id
