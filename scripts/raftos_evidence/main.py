"""Sets up, runs each row in a process of its own, prints one line per row. Standard library only.

The exit code is 0 when each row that ran showed what the README claims, 1 when one did not, 69 when the source or its
two dependencies could not be fetched.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
ROW_SECONDS_MAX = 600
EXIT_UNAVAILABLE = 69
LIST = """
import json
from scripts.raftos_evidence.rows import MODULES, rows_of
print(json.dumps([[module, row.name, row.done] for module in MODULES for row in rows_of(module)]))
"""


class NotFetched(Exception):
    """The source or its dependencies are not to be had; the message says which step."""


class Claim(NamedTuple):
    """Where a row is defined, its name, and what is done."""

    module: str
    name: str
    deed: str


@dataclass(frozen=True, slots=True)
class Bench:
    """A Python with msgpack and cryptography, and raftos' source beside it."""

    python: Path
    source: Path
    work: Path

    def environment(self) -> dict[str, str]:
        """For a process that imports raftos and this package, and nothing of the project's environment."""
        path = f"{self.source}{os.pathsep}{ROOT}"
        return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


def fetch(work: Path) -> Bench:
    """Everything into `work`. Raises NotFetched."""
    python = work / "venv/bin/python"
    _step("making an environment", [sys.executable, "-m", "venv", str(work / "venv")])
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    _step("fetching msgpack and cryptography", [*pip, "install", "msgpack", "cryptography"])
    sdist = ["download", "--no-deps", "--no-binary", ":all:", "raftos==0.2.6", "--dest", str(work)]
    _step("fetching the source of raftos 0.2.6", [*pip, *sdist])
    with zipfile.ZipFile(work / "raftos-0.2.6.zip") as archive:
        archive.extractall(work)
    return Bench(python, work / "raftos-0.2.6", work)


def _step(what: str, command: Sequence[str]) -> None:
    print(f"raftos-evidence: {what}", file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no output").splitlines()[-1]
        raise NotFetched(f"{what} failed: {last}")


def listed(bench: Bench) -> list[Claim]:
    """Each row, in order."""
    done = subprocess.run(
        [str(bench.python), "-c", LIST],
        env=bench.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Claim(*fields) for fields in json.loads(done.stdout)]


def show(bench: Bench, claim: Claim, rounds: int) -> tuple[str, str]:
    """Verdict and what was seen."""
    with tempfile.TemporaryDirectory(dir=bench.work) as work:
        row = [claim.module, claim.name, work, str(rounds)]
        process = subprocess.Popen(
            [str(bench.python), "-m", "scripts.raftos_evidence.run_row", *row],
            env=bench.environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, errors = process.communicate(timeout=ROW_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return "NOT SHOWN", f"no answer within {ROW_SECONDS_MAX} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        return "NOT SHOWN", (errors.strip() or "no output").splitlines()[-1]
    seen = json.loads(out.splitlines()[-1])
    return ("shown" if seen["holds"] else "NOT SEEN"), seen["text"]


def main(arguments: Sequence[str]) -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="scripts/raftos-evidence", description=__doc__.splitlines()[0]
    )
    parser.add_argument("rows", nargs="*", help="only rows whose name contains one of these")
    parser.add_argument(
        "--rounds", type=int, default=5, help="kills of a leader, of what is a matter of chance (5)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out the rows that need several processes"
    )
    chosen = parser.parse_args(arguments)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="raftos-evidence-") as folder:
        try:
            bench = fetch(Path(folder))
        except NotFetched as reason:
            print(f"raftos-evidence: {reason}", file=sys.stderr)
            return EXIT_UNAVAILABLE
        for claim in listed(bench):
            if _wanted(claim, chosen):
                verdict, text = show(bench, claim, chosen.rounds)
                print(f"{verdict:9}  {claim.name}: {claim.deed} -> {text}", flush=True)
                failed += verdict != "shown"
    return int(failed > 0)


def _wanted(claim: Claim, chosen: argparse.Namespace) -> bool:
    if chosen.quick and claim.module == "three_processes":
        return False
    return not chosen.rows or any(word in claim.name for word in chosen.rows)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    sys.exit(main(sys.argv[1:]))
