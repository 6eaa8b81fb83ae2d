"""A node's stream as the leader's door sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coordinator.api.node_words import frame_to_wire, registration, saying
from coordinator.model.tasks import RunOutcome
from coordinator.replica import inputs as i
from coordinator.replica import sayings as s
from coordinator.wire.v1 import internal_pb2 as wire
from tests.unit.api.house import NOOP, Doors, doors, refused, until


def register(name: str = "n1", counter: int = 1, **more: Any) -> wire.NodeFrame:
    offered = wire.Manifest(name=NOOP, version=1, hash="h", body=b"{}")
    said = {"node_uid": f"uid-{name}", "capacity": 4, "manifests": [offered], **more}
    incarnation = f"{counter}-x"
    first = wire.Register(name=name, counter=counter, incarnation=incarnation, **said)
    return wire.NodeFrame(register=first)


class Stream:
    """The node's end."""

    def __init__(self, at: Doors) -> None:
        self._said: asyncio.Queue[wire.NodeFrame | None] = asyncio.Queue()
        self._call = at.sessions.Connect(self._words())

    async def _words(self) -> AsyncIterator[wire.NodeFrame]:
        while (frame := await self._said.get()) is not None:
            yield frame

    def say(self, frame: wire.NodeFrame) -> None:
        self._said.put_nowait(frame)

    def end(self) -> None:
        self._said.put_nowait(None)

    async def heard(self, which: str) -> wire.LeaderFrame:
        """The next frame that has this."""
        async with asyncio.timeout(20):
            while True:
                frame = await self._call.read()
                assert isinstance(frame, wire.LeaderFrame), "the stream has ended"
                value = getattr(frame, which)
                if frame.HasField(which) if hasattr(value, "DESCRIPTOR") else value:
                    return frame


async def test_register_welcome_wanted_report_answer() -> None:
    async with doors() as at:
        stream = Stream(at)
        stream.say(register())
        frame = await stream.heard("welcome")
        assert (frame.welcome.cluster_id, frame.welcome.lease_ms) == ("test", 6_000)
        assert frame.wanted.full
        await at.create("t1", params=b'{"a": 1}')
        wanted = (await stream.heard("wanted")).wanted
        (run,) = wanted.runs
        assert (run.task_id, run.allocation_id, run.params) == ("t1", 1, b'{"a": 1}')
        assert not run.stop
        ended = wire.Ended(outcome="succeeded", result=b"5", retry_in_ms=-1)
        report = wire.Report(number=1, task_id="t1", allocation_id=1, kind="ended", ended=ended)
        stream.say(wire.NodeFrame(reports=[report]))
        (answer,) = (await stream.heard("answers")).answers
        assert (answer.number, answer.accepted) == (1, True)
        assert (await at.get("t1")).status == "succeeded"
        stream.end()


async def test_l5_a_heartbeat_is_answered_with_its_sequence_and_the_term() -> None:
    async with doors() as at:
        stream = Stream(at)
        stream.say(register())
        await stream.heard("welcome")
        stream.say(wire.NodeFrame(heartbeat=wire.Heartbeat(sequence=7, lease_ms=6_000)))
        beat = (await stream.heard("heartbeat")).heartbeat
        assert (beat.sequence, beat.term) == (7, at.house.replica.term)
        stream.end()


async def test_the_end_of_the_stream_closes_the_session() -> None:
    async with doors() as at:
        stream = Stream(at)
        stream.say(register())
        await stream.heard("welcome")
        assert at.house.replica.leading.sessions.get("n1") is not None
        stream.end()
        await until(lambda: at.house.replica.leading.sessions.get("n1") is None)


async def test_who_does_not_lead_says_so_and_where_to_go() -> None:
    async with doors(3, lead=False) as at:
        stream = Stream(at)
        stream.say(register())
        assert (await stream.heard("close")).close == "not_leader"


async def test_the_last_words_name_the_reason() -> None:
    async with doors() as at:
        stream = Stream(at)
        stream.say(register())
        await stream.heard("welcome")
        twin = Stream(at)
        twin.say(register(node_uid="other"))
        frame = await twin.heard("close")
        assert (frame.close, frame.leader_address) == ("node_name_in_use", at.address)
        at.house.feed(i.StopLeading())
        stream.end()


async def test_a_stream_that_begins_with_anything_else_is_ended() -> None:
    async with doors() as at:
        stream = Stream(at)
        stream.say(wire.NodeFrame(goodbye=True))
        with pytest.raises(AssertionError, match="has ended"):
            await stream.heard("welcome")


@pytest.mark.parametrize(
    "said, field",
    [
        ({"name": ""}, "name"),
        ({"name": "n" * 256}, "name"),
        ({"name": "n\n1"}, "name"),
        ({"node_uid": ""}, "node_uid"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": 100_001}, "capacity"),
        ({"attributes": {"zone": "z" * 256}}, "attributes"),
        ({"attributes": {str(n): "" for n in range(65)}}, "attributes"),
    ],
)
async def test_what_a_node_says_of_itself_has_bounds(said: dict[str, Any], field: str) -> None:
    async with doors() as at:
        stream = Stream(at)
        stream.say(register(**{"name": "n1", **said}))
        refusal = await refused(stream.heard("welcome"))
        assert (refusal.reason, refusal.metadata["field"]) == ("invalid_field", field)


def test_a_registration_as_a_value() -> None:
    frame = register(
        "n1", 3, attributes={"zone": "a", "arch": "x"}, load_errors=[wire.LoadError(plugin="p", error="e")],
        boot_id="b", pid_namespace="ns", old_is_dead=True, cluster_id="c", version="1", python="3.11",
        boot_counter=5, machine="m",
    )  # fmt: skip
    said = registration(frame.register)
    assert (said.name, said.counter, said.incarnation, said.capacity) == ("n1", 3, "3-x", 4)
    assert said.attributes == (("arch", "x"), ("zone", "a"))
    assert (said.old_is_dead, said.boot_id, said.pid_namespace) == (True, "b", "ns")
    assert (said.boot_counter, said.machine) == (5, "m")
    assert said.manifests[0].executor == NOOP
    assert said.load_errors[0].plugin == "p"


def test_pt_6_a_null_state_is_not_an_empty_one() -> None:
    null = wire.Report(kind="state", state_seq=1, state_is_null=True)
    text = wire.Report(kind="state", state_seq=1, state=b'""')
    none = wire.Report(kind="started", started_ago_ms=5)
    said = saying(wire.NodeFrame(reports=[null, text, none])).reports
    assert [(one.has_state, one.state) for one in said] == [
        (True, None),
        (True, b'""'),
        (False, None),
    ]


def test_a_newer_nodes_outcome_counts_as_a_failure() -> None:
    ended = wire.Ended(outcome="transcended")
    (report,) = saying(wire.NodeFrame(reports=[wire.Report(kind="ended", ended=ended)])).reports
    assert report.ended.outcome is RunOutcome.FAILED


def test_a_stop_that_the_node_began_names_its_reason() -> None:
    stop = wire.Report(kind="stopping", task_id="t", allocation_id=4, stop_reason="timeout")
    (report,) = saying(wire.NodeFrame(reports=[stop])).reports
    assert (report.kind, report.stop_reason, report.ended) == ("stopping", "timeout", None)


def test_an_empty_list_of_runs_is_a_list() -> None:
    silent = saying(wire.NodeFrame(heartbeat=wire.Heartbeat(sequence=1)))
    empty = saying(wire.NodeFrame(heartbeat=wire.Heartbeat(sequence=1, lists_runs=True)))
    assert silent.heartbeat.runs is None
    assert empty.heartbeat.runs == ()


def test_a_stop_travels_with_its_reason() -> None:
    run = s.WantedRun(
        "t", 4, "cancel", "x", 1, b"{}", None, 0, 0, 1, 0, 1_000, True, "shared", 2, (), (), 0, False, 3,
        invalid_state="raw",
    )  # fmt: skip
    frame = frame_to_wire(s.LeaderSaying(3, wanted=s.Wanted(False, 9, 8, (run,), ("gone",))))
    (said,) = frame.wanted.runs
    assert (said.stop, said.stop_reason, said.state_is_null) == (True, "cancel", True)
    assert (said.max_attempts, said.invalid_state) == (3, "raw")
    assert (frame.wanted.full, frame.wanted.previous, list(frame.wanted.gone)) == (
        False,
        8,
        ["gone"],
    )
