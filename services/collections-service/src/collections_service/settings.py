"""The settings of this service's processes, with the prefix COLLECTIONS_: those of every service, and the ERP's."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from redress.ops.settings import ServiceSettings

ANY_TENANT = "*"

_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def _standard_topics() -> dict[str, list[str]]:
    return {"erp.invoices.v1": ["demo"], "erp.payments.v1": ["demo"]}


def _topics(topics: dict[str, list[str]]) -> dict[str, list[str]]:
    for topic, tenants in topics.items():
        if not tenants or not _TENANT.fullmatch(tenants[0]):
            raise ValueError(f"the first tenant of {topic} is where messages without a tenant header go: name one")
        for tenant in tenants[1:]:
            if tenant != ANY_TENANT and not _TENANT.fullmatch(tenant):
                raise ValueError(f"{tenant!r} is not a tenant")
    return topics


class CollectionsSettings(ServiceSettings):
    """`erp_mapping` is a file that replaces `erp/dynamics365.toml`.

    `erp_topics` says per topic which tenants may be written through it: the first is taken when a message has no
    `tenant` header, `*` allows every tenant that a header names. Everybody who may write to a topic may write for
    these tenants.
    """

    model_config = SettingsConfigDict(env_prefix="COLLECTIONS_")

    erp_mapping: Path | None = None
    erp_topics: Annotated[dict[str, list[str]], AfterValidator(_topics), Field(default_factory=_standard_topics)]
