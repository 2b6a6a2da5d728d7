"""The request body that records a directory entry."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from notification_service.wording.address import deliverable
from notification_service.wording.plain import one_line


def _deliverable(text: str) -> str:
    if deliverable(text) is None:
        raise ValueError("is not an e-mail address that can be written to")
    return text.strip()


def _name(text: str) -> str:
    name = one_line(text)
    if not name:
        raise ValueError("must have a visible character")
    return name


class DirectoryEntryBody(BaseModel):
    """The whole entry as it should be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["Anna Roth"]), AfterValidator(_name)]
    email: Annotated[str, Field(max_length=254, examples=["anna.roth@seller.example"]), AfterValidator(_deliverable)]
    language: Annotated[Literal["en", "de"], Field(description="The language of the mails.")] = "en"
    lead: Annotated[
        str | None, Field(max_length=100, description="Of a team: the directory id of its lead.", examples=["lena"])
    ] = None
