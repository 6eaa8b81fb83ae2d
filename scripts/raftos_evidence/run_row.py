"""Runs one row by its name and prints what was seen as one JSON line. Started by `main`, with raftos on the path."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from scripts.raftos_evidence.rows import Trial, rows_of


def main(module: str, name: str, work: str, rounds: str) -> None:
    """`module` and `name` as listed; `work` an empty directory."""
    row = next(row for row in rows_of(module) if row.name == name)
    seen = asyncio.run(row.show(Trial(Path(work), int(rounds))))
    print(json.dumps({"text": seen.text, "holds": seen.holds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
