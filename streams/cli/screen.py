"""What the console writes to a terminal: text is text, whoever sent it.

Nothing that is printed is read as markup, and nothing in it moves the cursor, sets a title or turns
the direction of the line: such characters are shown as signs. Styles are given beside the text.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

_KEPT = "\n\t"
_DIRECTIONS = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
_SIGNS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in _KEPT},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys(
        [*range(0x80, 0xA0), 0x2028, 0x2029, *_DIRECTIONS], "\N{REPLACEMENT CHARACTER}"
    ),
}


def printable(text: str) -> str:
    """`text` with a sign in the place of each character that would command a terminal."""
    return text if text.isprintable() else text.translate(_SIGNS)


def one_line(text: str) -> str:
    """The same, and no line ends within it: a sender cannot forge a line of ours."""
    return printable(text).replace("\n", "\N{SYMBOL FOR NEWLINE}")


class Screen(Console):
    """A console on which data cannot be mistaken for commands."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def tell(self, word: str, text: str, *, style: str) -> None:
        """A line that begins with a word in its style, such as `holds` or `error:`."""
        self.print(Text.assemble((f"{word:<6}", style), " ", text))

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """What rich makes of `renderable`; its own controls pass, those in the text do not."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


out = Screen()
err = Screen(stderr=True)
