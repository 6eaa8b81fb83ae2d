"""The parts of NodeCore know no clock, no dice, no socket, as `node.core` itself (which the import contracts hold)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import node

ROOM = Path(node.__file__).parent
PURE = sorted(
    [*ROOM.glob("core*.py"), *(ROOM / f"{n}.py" for n in ("lease", "outbox", "inputs", "effects"))]
)
FORBIDDEN = {"asyncio", "grpc", "logging", "os", "random", "socket", "threading", "time", "uuid"}
FORBIDDEN |= {"secrets", "datetime", "subprocess", "signal", "select"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for found in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(found, ast.Import):
            names |= {alias.name for alias in found.names}
        elif isinstance(found, ast.ImportFrom) and found.module:
            names.add(found.module)
    return names


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_it_imports_nothing_impure(path: Path) -> None:
    names = imported(path)
    assert not {name.partition(".")[0] for name in names} & FORBIDDEN
    assert not {name for name in names if name.startswith("coordinator")} - {
        "coordinator.client",
        "coordinator.client.node_values",
    }
