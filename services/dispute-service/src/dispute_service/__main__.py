"""python -m dispute_service api | worker | migrate | verify | rebuild … ; `--help` lists all commands."""

from functools import partial

from dispute_service.service import SERVICE
from redress.ops.settings import OwnerSettings, RebuildSettings, prefixed
from redress.service import composition
from redress.service.program import Service, service_program

program = service_program(
    Service(
        name=SERVICE.name,
        distribution=f"redress-{SERVICE.name}",
        about_worker=SERVICE.about_worker,
        migrations=SERVICE.migrations,
        settings=SERVICE.settings,
        owner_settings=prefixed(OwnerSettings, SERVICE.settings),
        rebuild_settings=prefixed(RebuildSettings, SERVICE.settings),
        needed_by_api=composition.NEEDED_BY_API,
        needed_by_worker=composition.needed_by_worker(SERVICE),
        needed_by_rebuild=(),
        needed_by_release=composition.needed_by_worker(SERVICE),
        rebuildable=tuple(composition.rebuildable(SERVICE)),
        api=partial(composition.api, SERVICE),
        worker=partial(composition.worker, SERVICE),
        consumers=partial(composition.consumers, SERVICE),
        rebuild=partial(composition.rebuild, SERVICE),
    )
)


def main() -> None:
    program()


if __name__ == "__main__":
    main()
