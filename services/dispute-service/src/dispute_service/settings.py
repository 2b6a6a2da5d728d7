"""What the processes of this service are told by their environment."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from redress.ops import settings as ops
from redress.ops.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"

NEEDED_BY_API = ("database_url", "vault_database_url")
NEEDED_BY_WORKER = ("worker_database_url", "client_id", "client_secret", "token_url", "collections_url")
NEEDED_BY_RELEASE = NEEDED_BY_WORKER


class DisputeSettings(ServiceSettings):
    """Of the API and the worker."""

    model_config = SettingsConfigDict(env_prefix="DISPUTE_")


class OwnerSettings(ops.OwnerSettings):
    """Of the one-shot jobs."""

    model_config = SettingsConfigDict(env_prefix="DISPUTE_")


class RebuildSettings(OwnerSettings):
    """Of a rebuild: the owner makes and exchanges tables, the worker fills them."""

    worker_database_url: SecretStr
