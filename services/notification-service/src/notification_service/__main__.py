"""python -m notification_service api | worker | migrate | verify | rebuild … ; `--help` lists all commands."""

from notification_service import wiring
from notification_service.settings import (
    MIGRATIONS,
    NEEDED_BY_API,
    NEEDED_BY_REBUILD,
    NEEDED_BY_RELEASE,
    NEEDED_BY_WORKER,
    NotificationSettings,
    OwnerSettings,
)
from redress.service.program import Service, service_program

program = service_program(
    Service(
        name=wiring.SERVICE,
        distribution="redress-notification-service",
        about_worker="Follow dispute-service, queue notifications and send them.",
        migrations=MIGRATIONS,
        settings=NotificationSettings,
        owner_settings=OwnerSettings,
        rebuild_settings=NotificationSettings,
        needed_by_api=NEEDED_BY_API,
        needed_by_worker=NEEDED_BY_WORKER,
        needed_by_rebuild=NEEDED_BY_REBUILD,
        needed_by_release=NEEDED_BY_RELEASE,
        rebuildable=tuple(wiring.REBUILDABLE),
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
