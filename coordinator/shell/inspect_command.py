"""`task-coordinator snapshot inspect FILE`: verifies a backup and says what it holds (EX-79)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coordinator.client.backups import view_of
from coordinator.client.instants import rfc3339
from coordinator.client.serializer import envelope, plain_dict, to_pretty_json
from coordinator.client.views import Answer
from coordinator.shell.backup_reading import Backup, key_in, read_backup
from coordinator.shell.offline import Command, NotDone, Words, say

USAGE = """usage: task-coordinator snapshot inspect FILE [--key-file FILE] [-o text|json]

Verifies every checksum of a backup that `taskctl cluster snapshot save` wrote, and the seal if the
key is given, and says what the backup holds. Exits 0 when it is whole, 74 when it is damaged, 78
when it is no backup, of a later format, or not sealed with this key, 2 when there is no such file."""


def run_inspect(words: Words, _environ: Mapping[str, str]) -> None:
    """Raises NotDone, BackupError, OSError and what a state raises that cannot be read."""
    form = words.flags.get("-o", words.flags.get("--output", "text"))
    if words.settings or form not in ("text", "json"):
        raise NotDone(f"not understood: {' '.join(words.settings) or form}\n{USAGE}")
    if words.alone[:1] != ("inspect",) or len(words.alone) != 2:
        raise NotDone(f"name one file\n{USAGE}")
    backup = read_backup(Path(words.alone[1]), key_in(words.flags.get("--key-file")))
    if form == "json":
        say(
            to_pretty_json(
                envelope("Snapshot", Answer(revision=backup.header.revision), view(backup))
            )
        )
    else:
        say("\n".join(f"{name:<12}  {text}".rstrip() for name, text in lines(backup)))


INSPECT = Command(USAGE, ("--key-file", "-o", "--output"), (), run_inspect)


def view(backup: Backup) -> dict[str, object]:
    """As JSON has it: what the header says, then what was counted."""
    state = backup.state
    return {
        **plain_dict(view_of(str(backup.path), backup.size, backup.header, backup.totals)),
        "seal_checked": backup.seal_checked,
        "predecessors": list(state.predecessors),
        "tasks": tasks(backup),
        "nodes": [{"name": n.name, "status": n.status.value} for n in state.nodes_by_name()],
        "members": [{"name": m.name, "grpc": m.address} for _, m in sorted(state.members.items())],
        "requests_remembered": len(state.requests),
        "runs_in_history": backup.runs,
        "fates_in_history": backup.fates,
        "events_in_history": backup.audit,
    }


def lines(backup: Backup) -> list[tuple[str, str]]:
    """As people read it: a name and what there is to say."""
    header, state = backup.header, backup.state
    how = "its own, maybe stale, picture" if header.is_stale else "linearizable"
    epoch = f"epoch {header.restore_epoch}"
    if state.predecessors:
        epoch += f", restored from {state.predecessors[-1]}"
    seal = "right" if backup.seal_checked else "there, not checked: give --key-file"
    members = (f"{m.name}={m.address}" for _, m in sorted(state.members.items()))
    return [
        ("file", f"{backup.path}  whole, {backup.size} bytes"),
        ("cluster", f"{header.cluster_id}  ({epoch})"),
        ("revision", f"{header.revision} of {rfc3339(header.state_at)}, term {header.term}"),
        ("saved", f"{rfc3339(header.created_at)} from {header.member}, {how}, release {header.release}"),
        ("level", f"feature level {header.feature_level}, file format {header.format}"),
        ("members", ", ".join(members)),
        ("nodes", ", ".join(f"{n.name} {n.status}" for n in state.nodes_by_name()) or "none"),
        ("tasks", ", ".join(f"{n} {s}" for s, n in tasks(backup).items() if n) or "none"),
        ("allocations", f"up to {header.last_allocation_id}"),
        ("requests", f"{len(state.requests)} ids remembered"),
        ("history", f"{backup.runs} runs, {backup.fates} ranges of fates, {backup.audit} events" if header.has_history else "not saved"),
        ("seal", seal if header.is_sealed else "none"),
        ("sha256", backup.totals.digest),
    ]  # fmt: skip


def tasks(backup: Backup) -> dict[str, int]:
    """How many there are, by status."""
    return {status.value: number for status, number in backup.state.status_counts.items()}
