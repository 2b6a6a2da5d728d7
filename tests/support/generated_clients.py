"""Clients that openapi-python-client makes of the documents, as anybody outside would make them."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from support.openapi_documents import SERVICES, document

PROGRAM = Path(sys.executable).parent / "openapi-python-client"


class Clients:
    """The generated packages of the services, in a folder of their own; `log` is the generator's, by service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log: dict[str, str] = {}
        (folder / "config.yml").write_text("post_hooks: []\n")
        for service in SERVICES:
            self.log[service] = self._generate(service)

    def module(self, service: str, name: str) -> ModuleType:
        """A module of a package: `client`, `models`, `api.disputes.open_dispute`."""
        return importlib.import_module(f"{_package(service)}.{name}")

    def operations(self, service: str) -> dict[str, ModuleType]:
        """The module of every generated operation, by its name."""
        files = sorted((self.folder / _package(service) / "api").glob("*/*.py"))
        return {
            file.stem: self.module(service, f"api.{file.parent.name}.{file.stem}")
            for file in files
            if file.stem != "__init__"
        }

    def _generate(self, service: str) -> str:
        source = self.folder / f"{service}.json"
        source.write_text(json.dumps(document(service)))
        done = subprocess.run(
            [
                PROGRAM,
                "generate",
                "--fail-on-warning",
                "--meta=none",
                f"--path={source}",
                f"--output-path={self.folder / _package(service)}",
                f"--config={self.folder / 'config.yml'}",
            ],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said


@contextmanager
def generated_clients(folder: Path) -> Iterator[Clients]:
    """The packages can be imported until the block ends."""
    sys.path.insert(0, str(folder))
    try:
        yield Clients(folder)
    finally:
        sys.path.remove(str(folder))


def _package(service: str) -> str:
    return f"{service.removesuffix('-service')}_client"
