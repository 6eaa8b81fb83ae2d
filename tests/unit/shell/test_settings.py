"""Four spellings of each setting, their order, and mistakes named with value, source and remedy."""

from __future__ import annotations

import io
import json
import socket
import sys
from pathlib import Path

import pytest

from coordinator.client.start_checks import directory_objection
from coordinator.shell.config_command import run_config
from coordinator.shell.daemon import reload_settings
from coordinator.shell.logs import Log
from coordinator.shell.options import OPTIONS, ServerSettings
from coordinator.shell.settings import HelpWanted, SettingsError, help_text, load_settings

DIR = ("--data-dir", "/d")


def refused(*argv: str, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        load_settings(argv, environ or {})
    return raised.value.lines


def load(*argv: str, environ: dict[str, str] | None = None) -> ServerSettings:
    return load_settings((*DIR, *argv), environ or {})


def test_alone_it_is_its_own_only_peer() -> None:
    settings = load("--name", "solo", "--listen", "127.0.0.1:9000")
    assert settings.peers == (("solo", "127.0.0.1:9000"),)
    assert settings.data_dir == Path("/d")


def test_peers_are_kept_in_name_order() -> None:
    settings = load("--peers", "c2=127.0.0.1:7102,c1=127.0.0.1:7101")
    assert settings.peer_texts == ["c1=127.0.0.1:7101", "c2=127.0.0.1:7102"]


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "coordinator.toml"
    file.write_text('name = "from-file"\nlog_level = "debug"\nsnapshot_every = 7\n')
    settings = load(
        "--config", str(file), "--name", "from-flag", environ={"PTASKS_LOG_LEVEL": "error"}
    )
    assert (settings.name, settings.log_level, settings.snapshot_every) == ("from-flag", "error", 7)
    assert settings.origin["name"] == "--name"
    assert settings.origin["log_level"] == "PTASKS_LOG_LEVEL"
    assert settings.origin["snapshot_every"] == "coordinator.toml: snapshot_every"
    assert settings.origin["listen"] == "default"


def test_the_file_may_be_named_by_the_environment_and_use_tables(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        'data_dir = "/x"\n[log]\nlevel = "warning"\n[set.nodes]\nlease = "5s"\n'
        '[peers]\nc1 = "127.0.0.1:7101"\nc2 = "127.0.0.1:7102"\n'
    )
    settings = load_settings([], {"PTASKS_CONFIG": str(file)})
    assert settings.log_level == "warning"
    assert settings.set == (("nodes.lease", "5s"),)
    assert [name for name, _ in settings.peers] == ["c1", "c2"]


def test_repeated_flags_add_up() -> None:
    settings = load("--executors", "a", "--executors=b:C", "--set", "nodes.lease=5000ms")
    assert settings.executors == ("a", "b:C")
    assert settings.set == (("nodes.lease", "5s"),)


@pytest.mark.parametrize(
    "argv, words",
    [
        ((), ("--data-dir", "missing")),
        ((*DIR, "--listen", "0.0.0.0:7101"), ("--listen", "0.0.0.0:7101", "loopback")),
        ((*DIR, "--listen", "example.org:7101"), ("example.org:7101", "loopback")),
        ((*DIR, "--listen", "7101"), ("--listen", "7101", "host:port")),
        ((*DIR, "--listen", "127.0.0.1:0"), ("127.0.0.1:0", "host:port")),
        ((*DIR, "--http", "10.0.0.1:80"), ("--http", "10.0.0.1:80", "loopback")),
        ((*DIR, "--peers", "c2=127.0.0.1:7102"), ("--peers", "c1", "not among c2")),
        ((*DIR, "--peers", "c1=127.0.0.1:9"), ("c1=127.0.0.1:9", "127.0.0.1:7101", "differs")),
        ((*DIR, "--peers", "c1=127.0.0.1:7101,c2=10.0.0.2:7101"), ("10.0.0.2:7101", "loopback")),
        ((*DIR, "--peers", "c1=127.0.0.1:7101,c1=127.0.0.1:7102"), ("'c1'", "twice")),
        ((*DIR, "--peers", "c1=127.0.0.1:7101,c2=127.0.0.1:7101"), ("one address",)),
        ((*DIR, "--peers", "127.0.0.1:7101"), ("name=host:port",)),
        ((*DIR, "--name", "a b"), ("--name", "a b", "letters")),
        ((*DIR, "--lisen", "x"), ("--lisen", "did you mean --listen?")),
        ((*DIR, "--listen"), ("--listen", "needs a value")),
        ((*DIR, "--log-level", "loud"), ("loud", "debug, info, warning, error")),
        ((*DIR, "--set", "nodes.lease=1s"), ("nodes.lease", "1s", "2s .. 1m")),
        ((*DIR, "--set", "nodes.leese=3s"), ("nodes.leese", "nodes.lease")),
        ((*DIR, "--set", "nodes.lease=30s"), ("nodes.reassign_after", "1.3 times")),
        ((*DIR, "--snapshot-every", "0"), ("--snapshot-every", "0", "at least 1")),
        ((*DIR, "--config", "/nowhere/c.toml"), ("/nowhere/c.toml", "no such file")),
    ],
)
def test_mistakes_name_value_source_and_remedy(
    argv: tuple[str, ...], words: tuple[str, ...]
) -> None:
    lines = refused(*argv)
    assert len(lines) == 1 + (argv.count("x"))
    assert "\n" not in lines[0]
    for word in words:
        assert word in lines[0]


def test_a_misspelt_key_of_the_file_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "coordinator.toml"
    file.write_text('data_dirr = "/d"\nlisten = "nowhere"\n')
    lines = refused("--config", str(file))
    assert "coordinator.toml: data_dirr: no such setting; did you mean data_dir?" in lines
    assert any(
        line.startswith("coordinator.toml: listen: nowhere: not host:port") for line in lines
    )


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "coordinator.toml"
    file.write_text("name = ")
    assert "not TOML" in refused("--config", str(file), *DIR)[0]


def test_all_mistakes_are_told_at_once() -> None:
    lines = refused("--listen", "x:1", environ={"PTASKS_LOG_LEVEL": "loud"})
    assert len(lines) == 3
    assert any(line.startswith("PTASKS_LOG_LEVEL: loud") for line in lines)


def test_an_unknown_variable_is_a_warning_unless_another_program_knows_it() -> None:
    environ = {"PTASKS_LISTN": "x", "PTASKS_COORDINATORS": "y", "PTASKS_DEV_PARENT": "3"}
    warnings = load(environ=environ).warnings
    assert warnings == ("PTASKS_LISTN: nobody reads it; did you mean PTASKS_LISTEN?",)


def test_help_lists_every_setting_with_its_twin_and_default() -> None:
    with pytest.raises(HelpWanted):
        load_settings(["--help"], {})
    text = help_text()
    for option in OPTIONS:
        assert option.flag in text
        assert option.variable in text
    assert "default 127.0.0.1:7101" in text


def test_config_check_tells_all_at_once_and_starts_nothing(tmp_path: Path) -> None:
    directory = str(tmp_path / "d")
    assert run_config(["check", "--data-dir", directory], {}) == (0, ["ok"], [])
    assert not (tmp_path / "d").exists()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (tmp_path / "file").write_text("")
        argv = ["check", "--data-dir", str(tmp_path / "file"), "--listen", address]
        code, out, err = run_config(argv, {})
    assert (code, out) == (2, [])
    assert any(address in line and "in use" in line for line in err)
    assert any("is a file" in line for line in err)
    assert run_config(["check"], {"PTASKS_LISTEN": "x"})[0] == 2
    assert run_config([], {})[0] == 2


def test_config_show_says_where_each_value_is_from() -> None:
    argv = ["show", "--origin", "--data-dir", "/d", "--set", "nodes.lease=5s"]
    code, out, _ = run_config(argv, {"PTASKS_NAME": "c7"})
    assert code == 0
    assert "name = c7  (PTASKS_NAME)" in out
    assert "data_dir = /d  (--data-dir)" in out
    assert "set = nodes.lease=5s  (--set)" in out
    assert "log_level = info  (default)" in out
    assert "peers = c7=127.0.0.1:7101  (default)" in out


def test_x54_config_check_names_a_misspelt_key_a_bad_address_and_a_taken_port(
    tmp_path: Path,
) -> None:
    file = tmp_path / "c.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(f'data_dirr = "/d"\nlisten = "example.org:1"\nhttp = "127.0.0.1:{port}"\n')
        argv = ["check", "--config", str(file), "--data-dir", str(tmp_path / "d")]
        code, out, err = run_config(argv, {})
    assert (code, out) == (2, [])
    assert len(err) == 3
    assert "c.toml: data_dirr: no such setting; did you mean data_dir?" in err
    assert any(line.startswith("c.toml: listen: example.org:1: not a loopback") for line in err)
    assert any(line.startswith(f"--http: 127.0.0.1:{port}: the port is in use") for line in err)


def test_x54_the_flag_wins_and_origin_says_so(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('name = "c-file"\n')
    argv = ["show", "--origin", *DIR, "--config", str(file), "--name", "c-flag"]
    assert "name = c-flag  (--name)" in run_config(argv, {"PTASKS_NAME": "c-env"})[1]
    assert "name = c-env  (PTASKS_NAME)" in run_config(argv[:-2], {"PTASKS_NAME": "c-env"})[1]
    assert "name = c-file  (c.toml: name)" in run_config(argv[:-2], {})[1]


def test_config_check_looks_at_the_directory_or_the_nearest_above_it(tmp_path: Path) -> None:
    path = tmp_path / "d"
    assert directory_objection(path) == ""
    assert directory_objection(path / "deeper" / "still") == ""
    path.mkdir(mode=0o755)
    assert directory_objection(path).endswith("has mode 755: others could read it; chmod 700 it")
    assert directory_objection(path / "deeper") == ""
    path.chmod(0o700)
    assert directory_objection(path) == ""
    (path / "file").write_text("")
    for below in (path / "file", path / "file" / "deeper"):
        assert f"{path / 'file'} is a file" in directory_objection(below)


class Lines:
    """Takes what a log would print."""

    def __init__(self) -> None:
        self.text = io.StringIO()
        self.log = Log(self.text, "info")

    def all(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.text.getvalue().splitlines()]


def test_sighup_takes_the_log_level_and_names_what_it_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.toml"
    file.write_text('data_dir = "/d"\nlog_level = "info"\nkeep_entries = 7\n')
    monkeypatch.setattr(sys, "argv", ["task-coordinator", "--config", str(file)])
    settings = load_settings(sys.argv[1:], {})
    lines = Lines()
    file.write_text('data_dir = "/e"\nlog_level = "error"\nkeep_entries = "many"\n')
    reload_settings(settings, lines.log)
    first, second = lines.all()
    assert (first["event"], first["changed"]) == ("settings reloaded", ["log_level"])
    assert second["refused"] == [
        "c.toml: keep_entries: many: not a whole number of at least 1",
        "data_dir: changed; takes a restart",
    ]
    lines.log.warning("no longer logged")
    assert len(lines.all()) == 2
    file.write_text('data_dir = "/d"\nlog_level = "loud"\nkeep_entries = 7\n')
    reload_settings(settings, lines.log)
    assert lines.all()[2]["changed"] == []
    assert "log_level: loud" in str(lines.all()[3]["refused"])
    lines.log.warning("still not logged")
    assert len(lines.all()) == 4
