"""What the processes of this service are told by their environment."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from collections_service.erp_intake.dynamics365 import Mapping, parse_mapping, standard_mapping
from collections_service.inbox.erp_topic import ANY_TENANT
from redress.ops import settings as ops
from redress.ops.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"

NEEDED_BY_API = ("database_url", "vault_database_url")
NEEDED_BY_WORKER = (
    "worker_database_url",
    "vault_database_url",
    "client_id",
    "client_secret",
    "token_url",
    "dispute_url",
)
NEEDED_BY_RELEASE = NEEDED_BY_WORKER

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
    """`erp_mapping` is a file that replaces `dynamics365.toml`.

    `erp_topics` says per topic which tenants may be written through it: the first is taken when a message has no
    `tenant` header, `*` allows every tenant that a header names. Whoever may write to a topic may write for these.
    """

    model_config = SettingsConfigDict(env_prefix="COLLECTIONS_")

    erp_mapping: Path | None = None
    erp_topics: Annotated[dict[str, list[str]], AfterValidator(_topics), Field(default_factory=_standard_topics)]

    @property
    def business_events(self) -> Mapping:
        """How Dynamics 365 business events are read. ValueError, OSError for a file that is none."""
        return standard_mapping() if self.erp_mapping is None else parse_mapping(self.erp_mapping.read_text("utf-8"))


class OwnerSettings(ops.OwnerSettings):
    """Of the one-shot jobs."""

    model_config = SettingsConfigDict(env_prefix="COLLECTIONS_")


class RebuildSettings(OwnerSettings):
    """Of a rebuild: the owner makes and exchanges tables, the worker fills them."""

    worker_database_url: SecretStr
