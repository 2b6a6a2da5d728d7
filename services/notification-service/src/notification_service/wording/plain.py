"""Foreign text made harmless: no control characters, no line breaks in a line, no characters that reverse text."""

import unicodedata

# Control, format (bidirectional overrides among them), surrogate, private and unassigned characters.
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_BREAKS = "\r\n\v\f\x1c\x1d\x1e\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}"
MAX_LINE = 200
MAX_TEXT = 4_000


def one_line(text: str, longest: int = MAX_LINE) -> str:
    """The text as one line of at most `longest` characters; fit for a header."""
    spaced = "".join(" " if character in _BREAKS or character == "\t" else character for character in text)
    return _shortened(" ".join(_visible(spaced).split()), longest)


def paragraphs(text: str) -> list[str]:
    """The lines of the text, each made harmless; at most MAX_TEXT characters over all."""
    unified = text[: MAX_TEXT * 2].replace("\r\n", "\n")
    broken = "".join("\n" if character in _BREAKS else character for character in unified)
    lines = [_visible(line.replace("\t", " ")).rstrip() for line in broken.split("\n")]
    return _shortened("\n".join(lines).strip(), MAX_TEXT).split("\n")


def _visible(text: str) -> str:
    return "".join(character for character in text if unicodedata.category(character) not in _UNWANTED)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
