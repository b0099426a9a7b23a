"""Draws docs/images/demo.svg: what `instar demo` shows on a terminal. Run it after the demonstration's words change.

.venv/bin/python docs/make_picture.py
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 118
TARGET = Path(__file__).parent / "images" / "demo.svg"

# Rich's own frame, but with the viewer's monospaced font: a picture must not fetch anything.
FRAME = """\
<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, monospace; font-size: {char_height}px;
  line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect fill="#17201c" width="100%" height="100%" rx="8"/>
<g transform="translate(9, 9)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve" style="white-space: pre">{matrix}</g>
</g>
</svg>
"""


def run_on_a_terminal(command: list[str]) -> str:
    """The command's output as a terminal of ``COLUMNS`` columns gets it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # the other end is closed: the command has ended
            break
        if not piece:
            break
        pieces.append(piece)
    if process.wait() != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return b"".join(pieces).decode()


def main() -> None:
    output = run_on_a_terminal([sys.executable, "-m", "instar", "demo"])
    # The bars are redrawn many times; what a person is left with begins behind their last line.
    story = output[output.rindex("\x1b[?25h") + len("\x1b[?25h") :] if "\x1b[?25h" in output else output
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    console.print(Text.assemble(("$ ", "dim"), ("instar demo", "bold")))
    console.print(Text.from_ansi(story.replace("\r\n", "\n").strip("\n")), soft_wrap=False)
    TARGET.parent.mkdir(exist_ok=True)
    svg = console.export_svg(title="instar demo", theme=MONOKAI, code_format=FRAME, unique_id="demo")
    # Rich's sizes leave no room for our margin.
    width, height = (float(number) for number in re.findall(r'viewBox="0 0 (\S+) (\S+)"', svg)[0])
    svg = svg.replace(f'viewBox="0 0 {width:g} {height:g}"', f'viewBox="0 0 {width + 18:g} {height + 18:g}"')
    TARGET.write_text(svg, encoding="utf-8")
    print(f"wrote {TARGET.relative_to(Path.cwd())}", file=sys.stderr)


if __name__ == "__main__":
    main()
