"""The settings of this service's processes: those that every service has, with the prefix DISPUTE_."""

from pydantic_settings import SettingsConfigDict

from redress.ops.settings import ServiceSettings


class DisputeSettings(ServiceSettings):
    """Of the API and the worker."""

    model_config = SettingsConfigDict(env_prefix="DISPUTE_")
