"""Which of the caller's environment variables a child of the stack gets: few, each for a reason."""

import os
from collections.abc import Mapping
from typing import Final

_EVERYBODY: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_CACHES: Final = ("REDRESS_CACHE", "XDG_CACHE_HOME")
_CA_BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")  # read in both cases


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of every child: a DATABASE_URL of the caller's shell must not reach a service.

    No proxies: services of this stack talk to this machine only.
    """
    return {**_kept(environment, _EVERYBODY), "PYTHONUNBUFFERED": "1"}


def inherited_for_downloads(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a child that reaches the internet: also the proxies and the certificates it trusts."""
    both_cases = (*_PROXIES, *(name.upper() for name in _PROXIES))
    return inherited(environment) | _kept(environment, (*_CACHES, *_CA_BUNDLES, *both_cases))


def _kept(environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: environment[name] for name in names if name in environment}
