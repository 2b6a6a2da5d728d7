"""A fresh .env for docker-compose.yml: deploy/.env.example with every empty secret made.

`(umask 077; python3 deploy/new_env.py >.env)`. Any Python 3 will do: nothing needs to be installed before.
"""

import base64
import re
import secrets
from pathlib import Path

_EXAMPLE = Path(__file__).with_name(".env.example")
_EMPTY_SECRET = re.compile(r"^([A-Z_]+_(?:PASSWORD|SECRET|KEY))=$", re.MULTILINE)


def new_env(example: str) -> str:
    """The example's text with a secret of its own for each empty one. Passwords need no escaping in an address."""
    return _EMPTY_SECRET.sub(lambda found: f"{found[1]}={_new_secret(found[1])}", example)


def _new_secret(name: str) -> str:
    if name == "VAULT_KEY":
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_urlsafe(32)


if __name__ == "__main__":
    print(new_env(_EXAMPLE.read_text("utf-8")), end="")
