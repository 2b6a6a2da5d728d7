"""python -m collections_service api | worker | migrate | verify | rebuild <projection>"""

from collections_service import wiring
from collections_service.settings import (
    MIGRATIONS,
    NEEDED_BY_API,
    NEEDED_BY_WORKER,
    CollectionsSettings,
    OwnerSettings,
    RebuildSettings,
)
from redress.commands import Service, service_program

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
        rebuildable=tuple(each.name for each in wiring.own_projections()),
        api=wiring.api,
        worker=wiring.worker,
        rebuild=wiring.rebuild,
    )
)


def main() -> None:
    program()


if __name__ == "__main__":
    main()
