"""What `new-executor` writes: the names that follow from the executor's, and the text of each file. No input or output."""

from __future__ import annotations

import keyword
import re
import shlex
from dataclasses import dataclass
from string import Template

from coordinator.cli import scaffold_texts as texts

# As the SDK has them; the command line does not import it.
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
NAME_LENGTH_MAX = 100
TAKEN_CLASSES = {"AllocatedPersistentTask", "BaseModel", "Duration", "Field", "TaskPolicy"}
TAKEN_PACKAGES = {"executors", "coordinator", "node", "tests", "pydantic"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """The executor's name, and the flags of the command. `cron`: for the line that starts it."""

    name: str
    is_sync: bool = False
    is_process: bool = False
    cron: str = ""


def is_name(name: str) -> bool:
    """Whether a cluster would take it."""
    return bool(NAME.fullmatch(name)) and len(name) <= NAME_LENGTH_MAX


def package_of(name: str) -> str:
    """`shop.ingest` -> `shop_ingest`; never a keyword or one of ours."""
    package = name.replace(".", "_")
    is_taken = keyword.iskeyword(package) or package in TAKEN_PACKAGES
    return f"{package}_executor" if is_taken else package


def class_of(name: str) -> str:
    """`shop.ingest` -> `Ingest`."""
    last = name.rpartition(".")[2].strip("_")
    words = last if last[:1].isalpha() else name.replace(".", "_")
    made = "".join(word.capitalize() for word in words.split("_"))
    is_taken = made in TAKEN_CLASSES or keyword.iskeyword(made)
    return f"{made}Executor" if is_taken else made


def steps(wishes: Wishes) -> tuple[str, ...]:
    """What comes next, to be typed in the new directory."""
    cron = f" --cron {shlex.quote(wishes.cron)}" if wishes.cron else ""
    return (
        "pip install -e '.[test]'",
        "pytest && mypy",
        f"taskctl dev up --executors {package_of(wishes.name)}",
        f"taskctl start {wishes.name} -p items=100{cron} --follow",
    )


def files(wishes: Wishes) -> dict[str, str]:
    """Text by path below the new directory."""
    package = package_of(wishes.name)
    values = {
        "name": wishes.name,
        "package": package,
        "cls": class_of(wishes.name),
        "dist": package.replace("_", "-").strip("-"),
        "isolation": ', isolation="process"' if wishes.is_process else "",
        "steps": "\n".join(steps(wishes)),
    }
    body = texts.HEAD + (texts.SYNC if wishes.is_sync else texts.ASYNC)
    last = wishes.name.rpartition(".")[2].strip("_") or package
    templates = {
        "pyproject.toml": texts.PYPROJECT,
        f"src/{package}/__init__.py": texts.PACKAGE,
        f"src/{package}/py.typed": "",
        f"src/{package}/executor.py": body,
        f"tests/test_{last}.py": texts.TESTS,
        "README.md": texts.README,
    }
    return {path: Template(text).substitute(values) for path, text in templates.items()}
