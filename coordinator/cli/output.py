"""Answers on stdout: tables, JSON, csv, names (EX-6, EX-17). Everything else goes to stderr, through `tell`.

A table is aligned with spaces; only on a terminal is it cut to the width and coloured. A single object is a text of
its own in `table`, and the same envelope as elsewhere in `json`. Laid out by hand and not by rich: on a terminal it
would add nothing but its import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from coordinator.cli.failures import usage
from coordinator.client.views import Answer

Item = TypeVar("Item")

_COLORS = {
    "running": "32",
    "succeeded": "32",
    "ready": "32",
    "ok": "32",
    "leader": "32",
    "failed": "31",
    "lost": "31",
    "error": "31",
    "unreachable": "31",
    "unassigned": "33",
    "waiting": "33",
    "stopping": "33",
    "draining": "33",
    "warning": "33",
    "cancelled": "2",
    "paused": "2",
}


class Column(NamedTuple, Generic[Item]):
    """One column: its title, the text of a cell, the value that csv shows and sorting uses."""

    title: str
    text: Callable[[Item], str]
    value: Callable[[Item], Any] | None = None
    right: bool = False
    wide: bool = False

    def raw(self, item: Item) -> Any:
        """The value, where it differs from the text."""
        return self.value(item) if self.value is not None else self.text(item)


class Style(NamedTuple):
    """How answers look; see the global flags."""

    form: str = "table"
    columns: tuple[str, ...] = ()
    sort: str = ""
    headers: bool = True
    color: str = "auto"


def wants_color(choice: str, *, on_terminal: bool) -> bool:
    """`--color`, then NO_COLOR, FORCE_COLOR, TERM=dumb, then whether this is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return on_terminal and os.environ.get("TERM") != "dumb"


def tell(text: str) -> None:
    """A line for people, on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class Output:
    """Writes answers in the form that was asked for."""

    def __init__(self, style: Style) -> None:
        self.style = style
        self.on_terminal = sys.stdout.isatty()
        self._color = wants_color(style.color, on_terminal=self.on_terminal)

    @property
    def is_json(self) -> bool:
        """Whether a program reads along."""
        return self.style.form in ("json", "jsonl")

    @property
    def is_table(self) -> bool:
        """Whether a person reads along."""
        return self.style.form in ("table", "wide")

    def write(self, text: str) -> None:
        """One line of data."""
        sys.stdout.write(text + "\n")

    def flush(self) -> None:
        """Let a reader of a pipe see what there is."""
        sys.stdout.flush()

    def json(self, value: dict[str, Any]) -> None:
        """One JSON value, on one line for jsonl."""
        from coordinator.client.serializer import to_json, to_pretty_json

        self.write(to_json(value) if self.style.form == "jsonl" else to_pretty_json(value))

    def single(
        self, kind: str, answer: Answer | None, view: Any, name: str, text: Callable[[], str]
    ) -> None:
        """A single object; `text` is only made when a person reads it."""
        if self.is_json:
            from coordinator.client.serializer import envelope

            self.json(envelope(kind, answer, view))
        elif self.style.form == "name":
            self.write(name)
        else:
            self.write(text())

    def line(self, kind: str, view: Any, name: str, text: Callable[[], str]) -> None:
        """One object of a stream; `json` is written as `jsonl` here."""
        if self.is_json:
            from coordinator.client.serializer import line, to_json

            self.write(to_json(line(kind, view)))
        else:
            self.write(name if self.style.form == "name" else text())
        self.flush()

    def listing(
        self,
        kind: str,
        answer: Answer | None,
        items: Sequence[Item],
        columns: Sequence[Column[Item]],
        next_page: str = "",
    ) -> None:
        """A list of objects, the first column being their name."""
        if self.is_json:
            self._json_list(kind, answer, items, next_page)
            return
        if self.style.form == "name":
            for item in items:
                self.write(columns[0].text(item))
            return
        chosen = self._chosen(columns)
        ordered = self._sorted(items, columns)
        if self.style.form == "csv":
            self._csv(ordered, chosen)
        else:
            self.table(ordered, chosen)

    def _json_list(
        self, kind: str, answer: Answer | None, items: Sequence[Any], next_page: str
    ) -> None:
        from coordinator.client.serializer import line, list_envelope, to_json

        if self.style.form == "json":
            self.json(list_envelope(kind, answer, items, next_page))
            return
        single = kind.removesuffix("List")
        for item in items:
            self.write(to_json(line(single, item)))

    def _chosen(self, columns: Sequence[Column[Item]]) -> list[Column[Item]]:
        if not self.style.columns:
            wide = self.style.form != "table"
            return [column for column in columns if wide or not column.wide]
        by_title = {column.title.lower(): column for column in columns}
        unknown = [name for name in self.style.columns if name.lower() not in by_title]
        if unknown:
            raise usage(
                f"--columns: no column {', '.join(unknown)}",
                hint=f"there are {', '.join(by_title)}",
            )
        return [by_title[name.lower()] for name in self.style.columns]

    def _sorted(self, items: Sequence[Item], columns: Sequence[Column[Item]]) -> list[Item]:
        name = self.style.sort.lstrip("-").lower()
        if not name:
            return list(items)
        column = next((one for one in columns if one.title.lower() == name), None)
        if column is None:
            titles = ", ".join(one.title.lower() for one in columns)
            raise usage(f"--sort: no column {name}", hint=f"there are {titles}")

        def key(item: Item) -> tuple[bool, Any]:
            value = column.raw(item)
            return (value is None, 0 if value is None else value)

        return sorted(items, key=key, reverse=self.style.sort.startswith("-"))

    def _csv(self, items: Iterable[Item], columns: Sequence[Column[Item]]) -> None:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        if self.style.headers:
            writer.writerow([column.title.lower() for column in columns])
        for item in items:
            values = (column.raw(item) for column in columns)
            writer.writerow(["" if value is None else value for value in values])

    def table(self, items: Sequence[Item], columns: Sequence[Column[Item]]) -> None:
        """Rows under their titles."""
        rows = [[column.text(item) for column in columns] for item in items]
        titles = [column.title for column in columns]
        widths = [
            max((len(row[place]) for row in rows), default=0) for place in range(len(columns))
        ]
        if self.style.headers:
            widths = [max(width, len(title)) for width, title in zip(widths, titles, strict=True)]
            self.write(self._row(titles, widths, columns, plain=True))
        for row in rows:
            self.write(self._row(row, widths, columns))

    def _row(
        self,
        cells: Sequence[str],
        widths: Sequence[int],
        columns: Sequence[Column[Item]],
        *,
        plain: bool = False,
    ) -> str:
        padded = [
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(cells, widths, columns, strict=True)
        ]
        text = "  ".join(padded).rstrip()
        fitting = self.cut(text)
        if plain or not self._color or fitting != text:
            return fitting
        return "  ".join(self.colored(cell) for cell in padded).rstrip()

    def colored(self, cell: str) -> str:
        """A status word in its colour, with its padding; anything else as it is."""
        word = cell.strip()
        code = _COLORS.get(word) if self._color else None
        return cell.replace(word, f"\x1b[{code}m{word}\x1b[0m") if code else cell

    def cut(self, text: str) -> str:
        """On a terminal a row takes one line."""
        if not self.on_terminal:
            return text
        import shutil

        width = shutil.get_terminal_size().columns
        return text if len(text) <= width else text[: max(1, width - 1)] + "…"
