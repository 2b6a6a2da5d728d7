from collections.abc import Iterator

import pytest
from support.generated_clients import Clients, generated_clients


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    with generated_clients(tmp_path_factory.mktemp("clients")) as made:
        yield made
