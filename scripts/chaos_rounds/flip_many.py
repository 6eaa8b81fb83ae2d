"""`python -m scripts.chaos_rounds.flip_many DIRECTORY NAME SEED COUNT`: flips bits in copies of a stopped member's files.

The store is opened on each copy. Prints a JSON object: how often it ended how, and each end that must not be.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from random import Random

from coordinator.shell.store import Store, StoreOptions
from coordinator.shell.store_port import Damaged, Recovered, StoreError
from scripts.chaos_rounds.arena import ENTRIES_KEPT
from scripts.chaos_rounds.flips import FLIPPED, copy_files, flip_a_bit


def end_of(directory: Path, name: str) -> Recovered | str:
    """What an opening of the store ends in."""
    before = {n: (directory / n).read_bytes() for n in FLIPPED if (directory / n).exists()}
    try:
        store = Store.open(directory, name, StoreOptions(entries_kept=int(ENTRIES_KEPT)))
    except Damaged as rot:
        if rot.data_dir is not None:
            rot.data_dir.close()
        changed = [n for n, content in before.items() if (directory / n).read_bytes() != content]
        return f"damaged, and it changed {changed}" if changed else "damaged"
    except StoreError:
        return "refused"
    recovered = store.recovered
    store.close()
    return recovered


def flip(directory: Path, name: str, seed: int, count: int) -> dict[str, object]:
    """`directory` itself is only read."""
    dice = Random(seed)
    ends: dict[str, int] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(dir=directory.parent) as place:
        copy = Path(place) / name
        copy_files(directory, copy)
        right = end_of(copy, name)
        assert isinstance(right, Recovered), f"the files are not sound as they are: {right}"
        for _ in range(count):
            copy_files(directory, copy)
            where = flip_a_bit(copy, dice)
            end = end_of(copy, name)
            word = end if isinstance(end, str) else "right" if end == right else "another state"
            ends[word] = ends.get(word, 0) + 1
            if word not in ("right", "damaged", "refused"):
                wrong.append(f"{where}: {word}")
        shutil.rmtree(copy)
    return {"ends": ends, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(flip(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
