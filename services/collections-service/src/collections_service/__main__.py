"""python -m collections_service api | worker | migrate | verify | rebuild <projection>"""

from functools import partial

from collections_service.service import SERVICE
from redress import commands
from redress.ops.settings import OwnerSettings, RebuildSettings, prefixed
from redress.service import composition

program = commands.service_program(
    commands.Service(
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
        rebuildable=tuple(composition.rebuildable(SERVICE)),
        api=partial(composition.api, SERVICE),
        worker=partial(composition.worker, SERVICE),
        rebuild=partial(composition.rebuild, SERVICE),
    )
)


def main() -> None:
    program()


if __name__ == "__main__":
    main()
