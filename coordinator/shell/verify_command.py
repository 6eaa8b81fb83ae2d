"""`task-coordinator log verify`: walks all checksums of a stopped coordinator's directory (EX-80). Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from coordinator.codec.framing import unframed
from coordinator.codec.snapshots import load
from coordinator.machine.invariants import check
from coordinator.shell.offline import Command, NotDone, Words, say
from coordinator.shell.settings import load_settings
from coordinator.shell.survivor import audit_of, fates_of, history_of, survivor_in

USAGE = """usage: task-coordinator log verify --data-dir DIR [settings]

Reads everything in the directory of a coordinator that is not running: the -wal, every entry of the
log, every chunk of the snapshot, every run, fate and event of the history; replays the log and checks what comes of
it. Exits 0 when all of it is right, 70 when the state contradicts itself, 74 when something is
damaged (replace the member), 78 when it is no coordinator's directory, or in use."""


def run_verify(words: Words, environ: Mapping[str, str]) -> None:
    """Raises NotDone, SettingsError, StoreError, OSError and what a log raises that cannot be read."""
    if words.alone != ("verify",):
        raise NotDone(f"not understood: log {' '.join(words.alone)}\n{USAGE}")
    directory = load_settings(words.settings, environ).data_dir
    with survivor_in(directory) as found:
        runs = sum(1 for _ in history_of(found))
        fates = sum(1 for _ in fates_of(found))
        events = sum(1 for _ in audit_of(found))
        snapshot = found.kept.snapshot
        check(load(unframed(snapshot.data if snapshot else b"")))
        check(found.state)
        index, term = found.last
        say(
            f"{directory}: right. Member {found.identity.member} of cluster {found.identity.cluster_id}: "
            f"snapshot at {snapshot.index if snapshot else 0}, {len(found.kept.entries)} entries up to "
            f"{index} of term {term}, {len(found.state.tasks)} tasks, {runs} runs, {fates} ranges of fates, {events} events"
        )


VERIFY = Command(USAGE, (), (), run_verify)
