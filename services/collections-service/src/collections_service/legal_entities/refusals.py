"""The reasons for which a legal entity is not described.

LegalEntityRefusal
└── TooManyLegalEntities    too_many_legal_entities   the company has as many as it may have
"""

from redress.refusal import Refusal

MAX_LEGAL_ENTITIES = 1_000  # of one company: every list that spans entities looks at the zone of each


class LegalEntityRefusal(Refusal):
    """Any refusal of a legal entity."""


class TooManyLegalEntities(LegalEntityRefusal):
    code = "too_many_legal_entities"
    title = "The company has too many legal entities"

    def __init__(self) -> None:
        super().__init__(f"a company has {MAX_LEGAL_ENTITIES} legal entities at most", place=())
