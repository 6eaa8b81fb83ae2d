"""Every known way of being wrong can still be put into today's code: whether it is noticed is for `scripts/simulate --mutants`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.simulation import mutants

PATCHES = sorted(mutants.HERE.glob("*.patch"))


def test_there_are_as_many_as_are_promised() -> None:
    assert len(PATCHES) >= 29


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs the command patch")
@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_mutant_fits_the_code(patch: Path) -> None:
    tried = ["patch", "-p1", "--dry-run", "--force", "-i", str(patch)]
    done = subprocess.run(tried, cwd=mutants.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
