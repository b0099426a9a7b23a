"""The line of every key in a TOML text, because ``tomllib`` keeps values only and a finding has to say where.

The text must have been read by ``tomllib`` before: this scanner follows the structure of TOML 1.0 and checks nothing.
"""

import json

KeyPath = tuple[str | int, ...]

_BARE_END = " \t=.]},\n\r#"


class TomlLines:
    """Looks up the 1-based line on which a key stands."""

    def __init__(self, text: str) -> None:
        self._lines = _Scanner(text).scan()

    def line_of(self, path: KeyPath) -> int | None:
        """The line of the key, else that of the nearest enclosing key or table that is in the text."""
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length])
            if line is not None:
                return line
        return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {}
        self.counts: dict[KeyPath, int] = {}  # of each array of tables, how many so far

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self.skip_blank()
        while self.at < len(self.text):
            if self.peek() == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip_blank()
        return self.lines

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def advance(self, count: int = 1) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count

    def skip_blank(self, blank: str = " \t\n\r") -> None:
        """Past white space, and past comments where line ends count as blank."""
        while self.at < len(self.text):
            if self.peek() in blank:
                self.advance()
            elif self.peek() == "#" and "\n" in blank:
                end = self.text.find("\n", self.at)
                self.advance((end if end >= 0 else len(self.text)) - self.at)
            else:
                return

    def note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, self.line)

    def header(self) -> KeyPath:
        is_array = self.text.startswith("[[", self.at)
        self.advance(2 if is_array else 1)
        names = self.key()
        path: KeyPath = ()
        for index, name in enumerate(names):
            path = (*path, name)
            self.note(path)
            if is_array and index == len(names) - 1:
                count = self.counts.get(path, 0)
                self.counts[path] = count + 1
                path = (*path, count)
                self.note(path)
            elif path in self.counts:  # a table below the newest element of an array of tables
                path = (*path, self.counts[path] - 1)
        self.advance(2 if is_array else 1)
        return path

    def key(self) -> list[str]:
        names: list[str] = []
        while True:
            self.skip_blank(" \t")
            if self.peek() in ('"', "'"):
                names.append(self.quoted())
            else:
                start = self.at
                while self.at < len(self.text) and self.peek() not in _BARE_END:
                    self.advance()
                names.append(self.text[start : self.at])
            self.skip_blank(" \t")
            if self.peek() != ".":
                return names
            self.advance()

    def pair(self, table: KeyPath) -> None:
        line = self.line
        path = table
        for name in self.key():
            path = (*path, name)
            self.lines.setdefault(path, line)
        self.advance()  # the equals sign
        self.skip_blank(" \t")
        self.value(path)

    def value(self, path: KeyPath) -> None:
        match self.peek():
            case '"' | "'":
                self.quoted()
            case "[":
                self.items(path, "]")
            case "{":
                self.items(path, "}")
            case _:
                while self.at < len(self.text) and self.peek() not in ",]}\n#":
                    self.advance()

    def items(self, path: KeyPath, end: str) -> None:
        """The elements of an array, or the pairs of an inline table."""
        self.advance()
        count = 0
        while True:
            self.skip_blank()
            if self.peek() in (end, ""):
                self.advance()
                return
            if self.peek() == ",":
                self.advance()
            elif end == "}":
                self.pair(path)
            else:
                self.note((*path, count))
                self.value((*path, count))
                count += 1

    def quoted(self) -> str:
        quote = self.peek()
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.advance(len(fence))
        start = self.at
        while self.at < len(self.text) and not self.text.startswith(fence, self.at):
            self.advance(2 if quote == '"' and self.peek() == "\\" else 1)
        if len(fence) == 3:  # up to two quotes may stand right before the closing three
            while self.text.startswith(quote, self.at + 3):
                self.advance()
        inside = self.text[start : self.at]
        self.advance(len(fence))
        if quote == '"' and "\\" in inside and len(fence) == 1:
            try:
                return str(json.loads(f'"{inside}"'))
            except ValueError:  # TOML's \U escape: only used as a key's name, and none of ours has one
                return inside
        return inside
