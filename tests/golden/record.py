"""Golden logs: what a release wrote, and what every later build must make of it.

One file per story: its entries as they lie in the log, the answers in words, a snapshot at the
end, and the digest of the state. Beside them `wire.txt`: the fields and methods that callers
know. `python -m tests.golden.record RELEASE` writes those of a release once; after that they are
only read. While a release is being made, `--again` replaces its files.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path

from coordinator.client.backup_file import FrameWriter, Header
from coordinator.codec.envelope import decode_batch
from coordinator.codec.history import encode_audit, encode_fates, encode_runs
from coordinator.codec.snapshots import digest, encode, freeze
from coordinator.machine.apply import apply_batch
from coordinator.model.state import ClusterState
from coordinator.replica.run_rows import rows_of
from tests.golden import wire
from tests.stories.runner import World, blocks
from tests.stories.telling import told_outcome

HERE = Path(__file__).parent
BACKED_UP = "losses"  # the story that is also kept as a backup
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


def record_backup(text: str) -> bytes:
    """What `taskctl cluster snapshot save` would write at the end of one story."""
    world, rows, fates, audit = World(), [], [], []
    for commands, _ in blocks(text):
        if commands:
            world.tell(commands)
    state, replayed = world.state, ClusterState()
    for index, payload in enumerate(world.log, start=1):
        apply_batch(replayed, index, decode_batch(payload))
        history = rows_of(replayed.take_events(), replayed)
        rows += history.runs
        fates += history.fates
        audit += [row.event for row in history.audit]
    frames = FrameWriter()
    header = Header(
        cluster_id=state.cluster_id,
        revision=state.revision,
        term=1,
        feature_level=state.feature_level,
        restore_epoch=state.restore_epoch,
        last_allocation_id=state.last_allocation_id,
        state_at=state.at,
        created_at=state.at,
        member="c1",
        release="golden",
    )
    pieces = [frames.header(header), *map(frames.state, encode(freeze(state)))]
    pieces += map(frames.history, encode_runs(rows))
    pieces += [frames.fates(encode_fates(fates))] if fates else []
    pieces += [frames.audit(encode_audit(audit))] if audit else []
    return b"".join((*pieces, frames.end()))


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
    story = (STORIES / f"{BACKED_UP}.txt").read_text(encoding="utf-8")
    (folder / f"{BACKED_UP}.backup").write_bytes(record_backup(story))
    text = "\n".join(wire.lines(wire.files())) + "\n"
    (folder / wire.NAME).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
