"""python -m collections_service api | worker | migrate | verify | rebuild … ; `--help` lists all commands."""

from collections_service import wiring
from collections_service.settings import (
    MIGRATIONS,
    NEEDED_BY_API,
    NEEDED_BY_RELEASE,
    NEEDED_BY_WORKER,
    CollectionsSettings,
    OwnerSettings,
    RebuildSettings,
)
from redress.service.program import Service, service_program

program = service_program(
    Service(
        name=wiring.SERVICE,
        distribution="redress-collections-service",
        about_worker="Build the read models, follow dispute-service and the ERP's topics, publish to Kafka.",
        migrations=MIGRATIONS,
        settings=CollectionsSettings,
        owner_settings=OwnerSettings,
        rebuild_settings=RebuildSettings,
        needed_by_api=NEEDED_BY_API,
        needed_by_worker=NEEDED_BY_WORKER,
        needed_by_rebuild=(),
        needed_by_release=NEEDED_BY_RELEASE,
        rebuildable=tuple(each.name for each in wiring.own_projections()),
        api=wiring.api,
        worker=wiring.worker,
        consumers=wiring.consumers,
        rebuild=wiring.rebuild,
    )
)


def main() -> None:
    program()


if __name__ == "__main__":
    main()
