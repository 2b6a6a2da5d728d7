"""The index of decisions names every page, with its title."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "shared/docs/decisions"


def test_every_decision_stands_in_the_index_with_its_title() -> None:
    index = (FOLDER / "README.md").read_text("utf-8")
    for page in sorted(FOLDER.glob("[0-9]*.md")):
        number, title = page.read_text("utf-8").splitlines()[0].removeprefix("# ").split(" ", 1)
        if number != "NNNN":
            assert f"| [{number}]({page.name}) | {title} |" in index
