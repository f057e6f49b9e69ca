"""A picture of the terminal of a run, as SVG: recording.py PICTURE COMMAND ...

Runs the command on a terminal of its own. The picture has the first jobs, the line of what runs now as it stood then,
and the end.
"""

import os
import pty
import sys
from html import escape
from pathlib import Path

CLEAR = "\r\x1b[K"
SHOWN = 7  # lines at the beginning and at the end
WIDTH, HEIGHT, SIZE = 8.4, 20, 14  # of a character, of a line, of the font, in pixels
MARGIN = 20
COLUMNS = 105
LATER = "⋮"


def record(command: list[str]) -> str:
    """What a command writes to its terminal."""
    chunks: list[bytes] = []

    def read(terminal: int) -> bytes:
        chunks.append(os.read(terminal, 65536))
        return chunks[-1]

    code = pty.spawn(command, read)
    if code != 0:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(code)}")
    return b"".join(chunks).decode()


def lines(written: str) -> tuple[list[str], list[str]]:
    """The lines that stay, and for each what the last line showed just before it came."""
    stays, before = [], []
    for line in written.replace("\r\n", "\n").split("\n"):
        states = [state for state in line.split(CLEAR) if state.strip()]
        if states:
            stays.append(states[-1].rstrip())
            before.append(states[-2] if len(states) > 1 else "")
    return stays, before


def screen(command: list[str], written: str) -> list[str]:
    """The lines of the picture."""
    stays, before = lines(written)
    now = next(state for state in before[SHOWN + 1 :] if state.startswith("Now: "))
    return [f"$ {' '.join(command)}", *stays[: SHOWN + 1], now, LATER, *stays[-SHOWN:]]


def drawn(shown: list[str]) -> str:
    """An SVG of a terminal with these lines; what is longer than the terminal goes on in the next."""
    rows = [line[start : start + COLUMNS] for line in shown for start in range(0, len(line), COLUMNS)]
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(rows) * HEIGHT + 2 * MARGIN
    texts = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + HEIGHT * number + SIZE}" xml:space="preserve" '
        f'fill="{_colour(row)}">{escape(row)}</text>'
        for number, row in enumerate(rows)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" role="img"
 font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="{SIZE}">
<title>The terminal of a run</title>
<rect width="100%" height="100%" rx="8" fill="#16191f"/>
{texts}
</svg>
"""


def _colour(row: str) -> str:
    starts = {"$ ": "#ffffff", "Now: ": "#f0c674", "Verdict: ": "#9fd89f", LATER: "#8a919e"}
    return next((colour for start, colour in starts.items() if row.startswith(start)), "#d5d9e0")


def main(picture: Path, command: list[str]) -> None:
    """Run the command and write the picture."""
    picture.write_text(drawn(screen(command, record(command))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
