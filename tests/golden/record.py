"""Golden logs: what a release wrote, and what every later build must make of it.

One file per story: its entries as they lie in the log, the answers in words, a snapshot at the
end, and the digest of the state. `python -m tests.golden.record RELEASE` writes those of a
release once; after that they are only read. While a release is being made, `--again` replaces
its files.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path

from coordinator.codec.envelope import decode_batch
from coordinator.codec.snapshots import digest, encode, freeze
from coordinator.machine.apply import apply_batch
from coordinator.model.state import ClusterState
from tests.stories.runner import World, blocks
from tests.stories.telling import told_outcome

HERE = Path(__file__).parent
STORIES = HERE.parent / "stories" / "texts"


def record(text: str) -> dict[str, object]:
    """The golden file of one story."""
    world = World()
    for commands, _ in blocks(text):
        if commands:
            world.tell(commands)
    chunks = encode(freeze(world.state))
    return {
        "digest": digest(world.state),
        "entries": [base64.b64encode(payload).decode() for payload in world.log],
        "answers": replay(world.log)[1],
        "snapshot": [base64.b64encode(chunk).decode() for chunk in chunks],
    }


def replay(log: list[bytes]) -> tuple[ClusterState, list[str]]:
    """The state after these entries, and every answer in words."""
    state, answers = ClusterState(), []
    for index, payload in enumerate(log, start=1):
        outcomes = apply_batch(state, index, decode_batch(payload))
        answers += [told_outcome(outcome) for outcome in outcomes]
        state.take_events()
    return state, answers


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Write the golden files of a release.")
    parser.add_argument("release", help="such as 0.1.0")
    parser.add_argument("--again", action="store_true", help="replace files that are there")
    asked = parser.parse_args(arguments)
    folder = HERE / asked.release
    if folder.exists() and not asked.again:
        print(f"{folder} is there: golden files are written once", file=sys.stderr)
        return 1
    folder.mkdir(exist_ok=True)
    for path in sorted(STORIES.glob("*.txt")):
        golden = record(path.read_text(encoding="utf-8"))
        target = folder / f"{path.stem}.json"
        target.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
