"""Rows that need one raftos state only."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from raftos.serializers import MessagePackSerializer
from raftos.storage import Log

from scripts.raftos_evidence.rows import Row, Seen, Trial
from scripts.raftos_evidence.stub import HOST, OWN_PORT, Lab, lab, settled


async def two_votes(trial: Trial) -> Seen:
    with lab(trial.work / "a") as one:
        first = await one.ask_vote(1, term=5)
        one.restart()
        second = await one.ask_vote(2, term=5)
    with lab(trial.work / "b") as other:
        other.state.to_candidate()
        own_term = other.state.storage.term
        other.state.to_follower()
        third = await other.ask_vote(2, term=own_term)
    text = f"A granted: {first}; after the restart B granted: {second}; after voting for itself, B granted: {third}"
    return Seen(text, first is second is third is True)


async def never_votes_again(trial: Trial) -> Seen:
    with lab(trial.work) as one:
        first = await one.ask_vote(1, term=5)
        second = await one.ask_vote(2, term=6)
    answer = "no answer" if second is None else f"granted: {second}"
    return Seen(f"term 5 granted: {first}; term 6: {answer}", first is True and second is None)


async def counts_wrongly(trial: Trial) -> Seen:
    reply = {"type": "request_vote_response", "vote_granted": True}
    with lab(trial.work / "a", members=5) as one:
        one.state.to_candidate()
        for _ in range(2):
            await one.tell(1, **reply, term=1)
        twice = one.leads
    with lab(trial.work / "b", members=5) as other:
        other.state.to_candidate()
        other.state.to_candidate()
        for peer in (1, 2):
            await other.tell(peer, **reply, term=1)
        stale = other.leads and other.state.storage.term == 2
    return Seen(
        f"leader by one reply counted twice: {twice}; by replies of term 1 in term 2: {stale}",
        twice and stale,
    )


async def wrong_majority(trial: Trial) -> Seen:
    with lab(trial.work, members=4) as one:
        two = bool(one.state.is_majority(2))
    return Seen(f"is_majority(2) of 4: {two}", two)


async def nothing_after_restart(trial: Trial) -> Seen:
    with lab(trial.work) as one:
        for number in range(3):
            one.state.log.write(1, {"n": number})
        one.state.storage.update({"term": 1})
        lead(one)
        one.state.log.write(one.state.storage.term, {"n": 3})
        for peer in (1, 2):
            await acknowledge(one, peer, upto=4)
        commit, term = one.state.log.commit_index, one.state.storage.term
    text = f"all 4 entries on all 3 members, leader of term {term}, commit index {commit}"
    return Seen(text, commit == 0)


async def truncates(trial: Trial) -> Seen:
    with lab(trial.work) as one:
        leader = f"{HOST}:{OWN_PORT + 1}"
        answers = []
        for index in (1, 2, 3):
            answers += await append(one, leader, index, commit=min(index, 2))
        acknowledged = max(answer["last_log_index"] for answer in answers)
        await append(one, leader, 1, commit=0)
        left, commit = one.state.log.last_log_index, one.state.log.commit_index
    text = f"acknowledged up to {acknowledged}, commit {commit}; {left} left after the late copy"
    return Seen(text, acknowledged == 3 and left == 1)


async def append(one: Lab, leader: str, index: int, commit: int) -> list[dict[str, int]]:
    """Entry `index` of term 1, as the leader sends it."""
    return await one.tell(
        1,
        type="append_entries",
        term=1,
        leader_id=leader,
        commit_index=commit,
        request_id=index,
        entries=[{"term": 1, "command": {"n": index}}],
        prev_log_index=index - 1,
        prev_log_term=1 if index > 1 else 0,
    )


async def wrong_caller(trial: Trial) -> Seen:
    with lab(trial.work) as one:
        lead(one)
        first = asyncio.create_task(one.state.state.execute_command({"a": 1}))
        second = asyncio.create_task(one.state.state.execute_command({"b": 2}))
        await settled()
        for peer in (1, 2):
            await acknowledge(one, peer, upto=1)
        await acknowledge(one, 1, upto=1)  # raftos applies at the next message
        await settled()
        told = (first.done(), second.done())
        commit = one.state.log.commit_index
        first.cancel()
        second.cancel()
    text = f"committed: entry {commit} only; first caller told: {told[0]}, second told success: {told[1]}"
    return Seen(text, told == (False, True) and commit == 1)


def lead(one: Lab) -> None:
    """Through candidacy, as in life: the term rises by one."""
    one.state.to_candidate()
    one.state.to_leader()


async def acknowledge(one: Lab, peer: int, upto: int) -> None:
    """A follower's answer that it holds the log up to this index."""
    await one.tell(
        peer,
        type="append_entries_response",
        term=one.state.storage.term,
        success=True,
        last_log_index=upto,
        request_id=0,
    )


async def log_unreadable(trial: Trial) -> Seen:
    five = await _writes(trial.work / "five", [(1, {"k": number}) for number in range(5)])
    ten = await _writes(trial.work / "ten", [(1, {"n": 10})])
    term = await _writes(trial.work / "term", [(10, {"n": 1})])
    text = f"5 writes: {five}; a value of 10, read again: {ten}; term 10, read again: {term}"
    return Seen(text, "read" not in (five, ten, term))


async def _writes(work: Path, entries: list[tuple[int, dict[str, int]]]) -> str:
    """With the serializer that is the default; then a restart, which reads the log."""
    with lab(work, serializer=MessagePackSerializer):
        log = Log("x")
        try:
            for term, command in entries:
                log.write(term, command)
            back = Log("x").cache
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is shown
            return f"{type(error).__name__}"
    return "read" if back == [{"term": t, "command": c} for t, c in entries] else "garbage"


async def quadratic(trial: Trial) -> Seen:
    seconds = {}
    for count in (300, 3_000):
        with lab(trial.work / str(count)):
            log = Log(str(count))
            started = time.perf_counter()
            for number in range(count):
                log.write(1, {"n": number})
            seconds[count] = time.perf_counter() - started
    ratio = seconds[3_000] / seconds[300]
    text = f"300 appends {seconds[300]:.2f} s, 3,000 appends {seconds[3_000]:.2f} s: {ratio:.0f} times for 10 times the work"
    return Seen(text, ratio > 20)


ROWS = (
    Row("two votes in one term", "vote for A in term 5, restart, B asks in term 5", two_votes),
    Row("may never vote again", "vote in term 5, then a request of term 6", never_votes_again),
    Row(
        "counts votes wrongly",
        "5 members, a reply delivered twice; replies of term 1 in term 2",
        counts_wrongly,
    ),
    Row("wrong majority", "is_majority(2) with 4 voters", wrong_majority),
    Row(
        "commits nothing after a restart",
        "log of an earlier term on all 3, one more entry on all 3",
        nothing_after_restart,
    ),
    Row(
        "truncates acknowledged entries",
        "entries 1-3 acknowledged, then a late copy of entry 1",
        truncates,
    ),
    Row(
        "acknowledges the wrong caller",
        "two writes at once, replies for the first only",
        wrong_caller,
    ),
    Row("log unreadable", "default serializer, restart", log_unreadable),
    Row("quadratic cost", "300 and 3,000 local appends", quadratic),
)
