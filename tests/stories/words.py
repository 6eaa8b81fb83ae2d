"""One line of a story, cut up."""

from __future__ import annotations

BEGINNING = 1_000_000  # `at` when a story begins


class Words:
    """One line, cut up. `take` raises KeyError on what the line does not say."""

    def __init__(self, line: str) -> None:
        self.verb, *rest = line.split()
        self.names = [word for word in rest if "=" not in word]
        self.pairs = dict(word.split("=", 1) for word in rest if "=" in word)

    def flag(self, name: str) -> bool:
        """Whether the line says this word; it is no name then."""
        if name in self.names:
            self.names.remove(name)
            return True
        return False

    def text(self, key: str, default: str = "") -> str:
        return self.pairs.get(key, default).replace("+", " ")

    def number(self, key: str, default: int = 0) -> int:
        return int(self.pairs.get(key, default))
