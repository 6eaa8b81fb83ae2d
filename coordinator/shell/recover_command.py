"""`task-coordinator recover`: a cluster of one from the member that is left, after a majority is gone for good (EX-80).

First the plan: what was found, what may be lost, what happens to whom. Then, if it was asked for and the cluster's id was
typed, a new directory takes the place of the old one, which stays beside it untouched.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from coordinator.machine.invariants import check
from coordinator.machine.restoring import begin_anew
from coordinator.model.members import MemberRecord
from coordinator.shell.new_directory import (
    Begun,
    Myself,
    check_empty,
    make_alone,
    sync_names,
    unfinished,
)
from coordinator.shell.offline import Command, NotDone, Words, say
from coordinator.shell.recover_census import Heard, listen_to
from coordinator.shell.settings import load_settings
from coordinator.shell.store_port import Damaged
from coordinator.shell.survivor import Survivor, audit_of, fates_of, history_of, survivor_in

USAGE = """usage: task-coordinator recover --data-dir DIR [--i-have-lost-quorum [--confirm CLUSTER_ID]] [settings]

For the day on which a majority of the coordinators is lost for good: makes a cluster of one from a
member that is left. Stop that member first; its --data-dir is all that is needed. Without
--i-have-lost-quorum it only prints the plan. With it the plan is printed, and the cluster's id has
to be typed (scripts: --confirm CLUSTER_ID). What only the lost members knew stays lost. If several
members are left, recover the one whose log ends last; if a majority is left, start it instead.
--listen, --http: the new addresses of this member, if they change.

exit codes: 0 done, 2 nothing was done, 70 the log contradicts itself, 74 the directory is damaged
(restore a backup) or the disk fails, 78 not a coordinator's directory, or in use."""


def run_recover(words: Words, environ: Mapping[str, str]) -> None:
    """Raises NotDone, SettingsError, StoreError, OSError and what a log raises that cannot be read."""
    if words.alone:
        raise NotDone(f"not understood: {' '.join(words.alone)}\n{USAGE}")
    settings = load_settings(words.settings, environ)
    directory = settings.data_dir
    given = {name for name in ("listen", "http") if settings.origin[name] != "default"}
    try:
        with survivor_in(directory) as survivor:
            me = _myself(survivor, settings.listen, settings.http, given)
            heard = listen_to(survivor, me.name)
            say("\n".join(plan(survivor, heard)))
            _check_quorum_lost(survivor, heard)
            _confirm(words, survivor)
            check_empty(_ready(directory))
            begun = _begin(survivor)
            with unfinished(_ready(directory)) as fresh:
                cluster_id = make_alone(fresh, me, begun)
    except Damaged as rot:
        raise Damaged(f"{rot.reason}; it cannot be recovered from: restore a backup") from rot
    old = _swap(directory)
    say(
        f"recovered {directory}: cluster {cluster_id} of {me.name} alone, epoch "
        f"{begun.state.restore_epoch}, at {me.address}; the old directory is {old}\n"
        f"next       start it with --peers {me.name}={me.address}, then add members"
    )


RECOVER = Command(USAGE, ("--confirm",), ("--i-have-lost-quorum",), run_recover)


def plan(survivor: Survivor, heard: Mapping[str, Heard]) -> list[str]:
    """What was found and what would be done, a line each."""
    state, identity = survivor.state, survivor.identity
    index, term = survivor.last
    unsure = index - survivor.committed
    epoch = state.restore_epoch + 1
    under_way = sum(task.has_node for task in state.tasks_by_id())
    counts = {s.value: n for s, n in state.status_counts.items() if n}
    told = [
        f"plan to recover from {survivor.directory}: member {identity.member} of cluster {identity.cluster_id}",
        f"found      log up to {index} of term {term}, snapshot at {_snapshot_index(survivor)}, epoch {state.restore_epoch}",
        f"holds      {', '.join(f'{n} tasks {s}' for s, n in counts.items()) or 'no tasks'}; {len(state.nodes)} nodes",
    ]
    told += [f"member     {name}: {one.text}" for name, one in heard.items()]
    if unsure:
        first = survivor.committed + 1
        told.append(
            f"unsure     entries {first} to {index} may not have been acknowledged: they are kept"
        )
    lost = "whatever the others acknowledged without this member"
    further = [name for name, one in heard.items() if one.applied > index]
    if further:
        lost += f"; {', '.join(further)} has more: recover from there instead"
    return [
        *told,
        f"may lose   {lost}",
        f"becomes    a cluster of one, under a new cluster id, epoch {epoch}",
        f"drops      {', '.join(heard) or 'no member'}: never start a dropped one with its old directory",
        f"runs       {under_way} under way count as lost and start anew; exclusive ones of nodes that are "
        "cut off end with their lease",
        "nodes      are forgotten; they stop their runs and register anew when they call; none is taken",
        f"           in for {state.reassign_ms / 1000:g} s after the start: exclusive runs of before have ended by then",
        f"keeps      the old directory, as {_aside(survivor.directory)}",
    ]


def _myself(survivor: Survivor, listen: str, http: str, given: set[str]) -> Myself:
    """Under the addresses it had, unless others were named."""
    identity = survivor.identity
    known = survivor.state.members.get(identity.member_id or 0)
    known = known or MemberRecord(0, identity.member, listen, "", http)
    return Myself(
        identity.member,
        listen if "listen" in given else known.address,
        http if "http" in given else known.http,
    )


def _check_quorum_lost(survivor: Survivor, heard: Mapping[str, Heard]) -> None:
    leading = [name for name, one in heard.items() if one.has_quorum]
    if leading:
        raise NotDone(
            f"nothing was done: {leading[0]} says that cluster {survivor.identity.cluster_id} has a quorum; "
            "start this member, or bring it back with `taskctl cluster replace`"
        )


def _confirm(words: Words, survivor: Survivor) -> None:
    """Raises NotDone unless it was asked for and the cluster's id was typed or given."""
    wanted = survivor.identity.cluster_id or ""
    if not words.says("--i-have-lost-quorum"):
        raise NotDone("nothing was done; to do it add --i-have-lost-quorum")
    given = words.flags.get("--confirm")
    if given is None and not sys.stdin.isatty():
        raise NotDone(f"nothing was done, nobody is there to ask: add --confirm {wanted}")
    if given is None:
        sys.stderr.write(f"type the cluster id {wanted} to go on: ")
        sys.stderr.flush()
        given = sys.stdin.readline().strip()
    if given != wanted:
        raise NotDone(f"nothing was done: {given or 'nothing'} is not the cluster id {wanted}")


def _begin(survivor: Survivor) -> Begun:
    """Raises InvariantBroken."""
    state = survivor.state
    term = max(survivor.kept.facts.hard_state.term, survivor.last[1]) + 1
    events = begin_anew(state, state.restore_epoch + 1)
    check(state)
    return Begun(state, term, history_of(survivor), fates_of(survivor), audit_of(survivor), events)


def _aside(directory: Path) -> Path:
    """A name for the old directory that is not taken."""
    number = 1
    while (path := directory.with_name(f"{directory.name}.before-recover-{number}")).exists():
        number += 1
    return path


def _ready(directory: Path) -> Path:
    """Where the new directory stands until the old one has made room."""
    return directory.with_name(directory.name + ".recovered")


def _swap(directory: Path) -> Path:
    """Two renames; after a crash between them both directories are there, under names that say which is which."""
    old = _aside(directory)
    directory.rename(old)
    _ready(directory).rename(directory)
    sync_names(directory.parent)
    return old


def _snapshot_index(survivor: Survivor) -> int:
    return survivor.kept.snapshot.index if survivor.kept.snapshot else 0
