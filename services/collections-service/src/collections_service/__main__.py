"""python -m collections_service api | worker | openapi | migrate | verify … ; `--help` lists all commands."""

from collections_service.service import SERVICE
from redress.service.program import service_program

program = service_program(SERVICE)


def main() -> None:
    program()


if __name__ == "__main__":
    main()
