"""The directory's names of people and teams: a person as disputes name their owner, a team `team:<name>`."""

import re
import unicodedata

TEAM_PREFIX = "team:"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


def team_name(team: str) -> str:
    """The directory name of a team: "Cash application" and "team:cash-application" are the same one.

    Lower case without accents, everything else than letters and digits as one hyphen, so that it fits into an address.
    """
    plain = unicodedata.normalize("NFKD", team.removeprefix(TEAM_PREFIX)).encode("ascii", "ignore").decode().lower()
    return TEAM_PREFIX + _NOT_IN_A_NAME.sub("-", plain).strip("-")


def canonical(entry_id: str) -> str:
    """The id as the rules look it up: a team under its one name, a person as given."""
    return team_name(entry_id) if entry_id.startswith(TEAM_PREFIX) else entry_id
