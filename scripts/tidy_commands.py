"""Each command of the machine has a number of its own, a clause in `apply` and a place in the stories.

A command added without one of them compiles, passes every old test, and is met for the first time in somebody's log.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = Path("coordinator/machine/commands.py")
APPLY = Path("coordinator/machine/apply.py")
STORIES = Path("tests/stories/language.py")


def commands(source: str) -> dict[str, int]:
    """Name and number of each tagged struct."""
    found: dict[str, int] = {}
    for node in ast.walk(ast.parse(source)):
        for keyword in node.keywords if isinstance(node, ast.ClassDef) else ():
            is_tag = keyword.arg == "tag" and isinstance(keyword.value, ast.Constant)
            if isinstance(node, ast.ClassDef) and is_tag:
                found[node.name] = ast.literal_eval(keyword.value)
    return found


def findings(root: Path) -> Iterator[str]:
    """One line for each thing that a command lacks."""
    sources = sorted((root / COMMANDS).parent.glob(f"*{COMMANDS.name}"))
    told_of = [commands(source.read_text(encoding="utf-8")) for source in sources]
    tags = {name: tag for tagged in told_of for name, tag in tagged.items()}
    clauses = set(re.findall(r"case (?:\w+\.)?(\w+)\(", (root / APPLY).read_text(encoding="utf-8")))
    stories = (path.read_text(encoding="utf-8") for path in (root / STORIES).parent.glob("*.py"))
    told = {word for text in stories for word in re.findall(r"\w+", text)}
    if not tags:
        yield f"{COMMANDS}: no command found"
    for tag, count in Counter(tags.values()).items():
        if count > 1:
            yield f"{COMMANDS}: tag {tag} stands {count} times; a number is never used again"
    for name in tags:
        if name not in clauses:
            yield f"{APPLY}: no clause for {name}"
        if name not in told:
            yield f"{STORIES}: no word for {name}, so no story can use it"


def main() -> int:
    """Print what is missing; 1 if anything is."""
    found = list(findings(ROOT))
    for line in found:
        print(line)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
