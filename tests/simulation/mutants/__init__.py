"""Known ways of being wrong, one patch each: does the harness notice?

Every `NN-name.patch` beside this file is applied to a copy of the packages in a temporary directory, and seeds run
there until one fails. The table says which seed killed which mutant. A mutant that survives is a hole in the harness.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
COPIED = ("coordinator", "node", "executors", "tests/simulation")
SEEDS_MAX = 2_000


def main(named: str, seeds: range, jobs: int) -> int:
    """Exit status 1 if any mutant survives."""
    patches = sorted(path for path in HERE.glob("*.patch") if named in path.name)
    survived = 0
    print(f"{'mutant':<44} {'':9} killed by")
    for patch in patches:
        began = time.monotonic()
        killer = judge(patch, seeds[:SEEDS_MAX], jobs)
        survived += not killer
        verdict = "killed" if killer else "SURVIVED"
        print(
            f"{patch.stem:<44} {verdict:9} {killer} ({time.monotonic() - began:.0f} s)", flush=True
        )
    print(f"{len(patches) - survived} of {len(patches)} killed")
    return 1 if survived else 0


def judge(patch: Path, seeds: range, jobs: int) -> str:
    """The first seed that fails with the patch applied, and its law; '' if none does."""
    with tempfile.TemporaryDirectory(prefix="ptasks-mutant-") as folder:
        copy = Path(folder)
        for name in COPIED:
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=ignore)
        subprocess.run(
            ["patch", "-p1", "--quiet", "-i", str(patch)], cwd=copy, check=True, capture_output=True
        )
        for line in failures(copy, seeds, jobs):
            return line
    return ""


def failures(folder: Path, seeds: range, jobs: int) -> Iterator[str]:
    """Of the packages in that folder, as `simulate` prints them; the process ends when nobody reads on."""
    wanted = f"{seeds[0]}..{seeds[-1]}"
    asked = [sys.executable, "-m", "tests.simulation.main", "--seeds", wanted, "--jobs", str(jobs)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        asked, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, process_group=0
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("FAILED"):
                yield line.removeprefix("FAILED ").strip()
    finally:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass  # it has ended by itself
        process.wait()
