"""The language of the stories, and what the runner makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.consensus.messages import Entry, EntryKind, ReadIndexReply, TransferLeader
from tests.conformance import printer, reader, runner
from tests.conformance.output import Output
from tests.conformance.quoting import quoted
from tests.conformance.values import Refused, operations, truth

TWO_MEMBERS = """
add-nodes 2 voters=(1, 2) index=10
----
ok
"""


def test_directives_arguments_and_input() -> None:
    story = (
        "# a remark\n\nadd-nodes 3 voters=( 1 , 2,3) index=10 prevote=true \\\n   inflight=3\n----\nok\n"
        "\npropose-conf-change 1 v1=true\n  v2 \n----\nok\n"
    )
    first, second = reader.read(story)
    assert (first.line, first.name) == (3, "add-nodes")
    assert [(a.key, a.values) for a in first.arguments] == [
        ("3", ()),
        ("voters", ("1", "2", "3")),
        ("index", ("10",)),
        ("prevote", ("true",)),
        ("inflight", ("3",)),
    ]
    assert (second.line, second.input, second.expected) == (8, "v2", "ok\n")


def test_expected_output_with_blank_lines_ends_at_two_separators() -> None:
    story = "status 1\n----\n----\na\n\nb\n----\nc\n----\n----\n\nstatus 2\n----\nok"
    first, second = reader.read(story)
    assert first.expected == "a\n\nb\n----\nc\n"
    assert (second.name, second.expected) == ("status", "ok\n")


@pytest.mark.parametrize("story", ["status 1\nok\n", "add-nodes 1 voters=(1\n----\nok\n"])
def test_what_is_not_in_the_language(story: str) -> None:
    with pytest.raises(reader.ParseError):
        list(reader.read(story))


def test_log_lines_do_not_count_unless_asked_for() -> None:
    assert runner.comparable("INFO a\n  DEBUG b\n") == ["ok"]
    assert runner.comparable("> 1\n  INFO a\n  x\n") == ["> 1", "  x"]
    assert runner.comparable("INFO a\n", strict=True) == ["INFO a"]
    assert runner.comparable("") == runner.comparable("ok\n") == ["ok"]


def test_a_difference_shows_its_first_line_on_both_sides() -> None:
    story = TWO_MEMBERS + "\nraft-log 1\n----\nlog is empty: first index=11, last index=9\n"
    (failure,) = runner.run_text("folder/x.txt", story).failures
    assert failure.summary() == (
        'folder/x.txt:6: raft-log: expected "log is empty: first index=11, last index=9", '
        'got "log is empty: first index=11, last index=10"'
    )
    story = TWO_MEMBERS + "\nraft-state\n----\n1: StateFollower (Voter) Term:0 Lead:0\n"
    (failure,) = runner.run_text("x", story).failures
    assert (failure.expected_line, failure.got_line) == (
        runner.END,
        "2: StateFollower (Voter) Term:0 Lead:0",
    )


def test_a_difference_does_not_stop_a_file_but_an_exception_does() -> None:
    wrong = TWO_MEMBERS + "\ncampaign 1\n----\nno\n\nforget-leader 2\n----\nok\n"
    assert runner.run_text("x", wrong).passed == 2
    broken = TWO_MEMBERS + "\ncampaign 7\n----\nok\n\nforget-leader 2\n----\nok\n"
    result = runner.run_text("x", broken)
    assert (result.passed, len(result.failures)) == (1, 2)
    lacking = "add-nodes 1 voters=(1) index=10 lease=true\n----\nok\n"
    assert runner.run_text("x", lacking).passed == 0


@pytest.mark.parametrize(
    "story",
    [
        "frobnicate\n----\nunknown command\n",
        "vote cfg=(1,2) votes=(y)\n----\nerror: mismatched input (explicit or _) for voters map[1:{} 2:{}]: [2]\n",
        "committed cfg=(1,2) cfgj=(2) idx=(0x,_)\n----\nanything\n",
        "simple\nx1\n----\nunknown input: x1\n",
        "simple\nv\n----\nunknown token v\n",
        "leave-joint\nv1\n----\nthis command takes no input\n",
        "enter-joint\nv1\n----\ncan't make a zero-voter config joint\n",
        "leave-joint\n----\ncan't leave a non-joint config\n",
        "log-level loud\n----\nlog levels must be either of [DEBUG INFO WARN ERROR FATAL NONE]\n",
        "log-level NONE\n----\nok\n",
        "add-nodes 1 voters=(1) index=1\n----\nindex must be specified as > 1 due to bootstrap\n",
        "add-nodes 1 voters=(1) index=5 read-only=lease-based\n----\n"
        "CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased\n",
    ],
)
def test_answers_that_the_language_names(story: str) -> None:
    result = runner.run_text("x", story)
    assert bool(result.failures) == ("anything" in story)


def test_directives_of_a_group() -> None:
    story = TWO_MEMBERS + (
        "\npropose 1 foo\n----\nraft proposal dropped\n"
        "\npropose-conf-change 1 transition=never\nv1\n----\nunknown transition never\n"
        "\npropose-conf-change 1 colour=red\nv1\n----\nunknown command colour\n"
        "\npropose-conf-change 1 v1=true\nv1 v2\n----\n"
        "v1 conf change can only have one operation and no transition\n"
        "\ncompact 1 10\n----\nrequested index is unavailable due to compaction\n"
        "\nprocess-ready 1\n----\n<empty Ready>\n"
        "\nprocess-ready 1 2\n----\n> 1 handling Ready\n  <empty Ready>\n> 2 handling Ready\n  <empty Ready>\n"
        "\nprocess-append-thread 1\n----\nno append work to perform\n"
        "\nprocess-apply-thread 1\n----\nno apply work to perform\n"
        "\ndeliver-msgs 1\n----\nno messages\n"
        "\nreport-unreachable 1\n----\n"
        "must specify exactly two node indexes: node on which to report, and reported node\n"
        "\nsend-snapshot 1 2\n----\n1->2 MsgSnap Term:0 Log:0/0\n  Snapshot: Index:10 Term:1"
        " ConfState:Voters:[1 2] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false\n"
        "\ndeliver-msgs type=MsgApp drop=2\n----\nno messages\n"
        "\nlog-level none\n----\nok\n"
        "\nraft-state\n----\nok\n"
        "\npropose 1 foo\n----\nraft proposal dropped\n"
    )
    assert runner.run_text("x", story).failures == ()


def test_storage_by_messages_takes_a_snapshot() -> None:
    story = (
        "add-nodes 2 voters=(1,2,3) index=10 async-storage-writes=true\n----\nok\n"
        "\nadd-nodes 1 async-storage-writes=true\n----\nok\n"
        "\nsend-snapshot 1 3\n----\n1->3 MsgSnap Term:0 Log:0/0\n  Snapshot: Index:10 Term:1"
        " ConfState:Voters:[1 2 3] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false\n"
        "\nstabilize log-level=none\n----\nok\n"
        "\nraft-log 3\n----\nlog is empty: first index=11, last index=10\n"
    )
    assert runner.run_text("x", story).failures == ()


def test_rare_messages_have_their_printed_form() -> None:
    wish = TransferLeader(2, 1, 3, 17)
    assert printer.message_line(wish) == "11->1 MsgTransferLeader Term:3 Log:0/0"
    reply = ReadIndexReply(1, 2, 3, b"ab", 9)
    assert printer.message_line(reply) == (
        '1->2 MsgReadIndexResp Term:3 Log:0/9 Entries:[0/0 EntryNormal "ab"]'
    )
    assert printer.entry_line(Entry(1, 2, EntryKind.CONF_CHANGE_V2, b"")) == "1/2 EntryConfChangeV2"


def test_bytes_are_quoted_as_the_stories_quote_them() -> None:
    assert quoted(b'"a\\\n\x00\x7f') == r'"\"a\\\n\x00\x7f"'
    assert quoted("é\u00a0\U000e0001".encode()) == r'"é\u00a0\U000e0001"'
    assert quoted(b"\xff") == r'"\xff"'


def test_values_of_options() -> None:
    assert [truth(text) for text in ("true", "T", "0", "False")] == [True, True, False, False]
    with pytest.raises(Refused, match='parsing "yes": invalid syntax'):
        truth("yes")
    with pytest.raises(Refused, match='parsing "x": invalid syntax'):
        operations("v1 vx")


def test_output_is_indented_and_silenced() -> None:
    output = Output()
    with output.indented():
        output.write("a\nb")
    with output.level("none"):
        output.line("unheard")
    output.line("c")
    assert output.text() == "  a\n  b\nc\n"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "a.txt", tmp_path / "sub" / "b.txt"
    bad.parent.mkdir()
    good.write_text(TWO_MEMBERS)
    bad.write_text(TWO_MEMBERS + "\nforget-leader 1\n----\nno\n")
    assert runner.main([str(good)]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"
    assert runner.main(["-v", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert 'sub/b.txt:6: forget-leader: expected "no", got "ok"\n' in out
    assert out.endswith("2 passed, 1 failed\n")
    (tmp_path / "empty").mkdir()
    assert runner.main([str(tmp_path / "empty")]) == 1
    bad.write_text("status 1\n")
    assert runner.main([str(bad)]) == 2
    bad.write_bytes(b"\xff\xfe")
    assert runner.main([str(bad)]) == 2
    assert runner.main([str(tmp_path / "missing")]) == 2
