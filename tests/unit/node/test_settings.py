"""Flags, environment, file, defaults, in that order (EX-65)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator.shell.options import OPTIONS
from coordinator.shell.settings import load_settings
from node.config_command import USAGE, run_config
from node.logs import Log
from node.reload import reload_settings
from node.setting_table import TABLE
from node.settings import SettingsError, read_settings, read_sources

NEEDED = ["--name", "n1", "--data-dir", "d"]


def test_defaults() -> None:
    settings, warnings = read_settings(NEEDED, {})
    assert settings.coordinators == ("127.0.0.1:7101", "127.0.0.1:7102", "127.0.0.1:7103")
    assert (settings.capacity, settings.spare_workers, settings.max_starting) == (10, 1, 50)
    assert (settings.shutdown_grace, settings.orphan_limit) == (30_000, 600_000)
    assert (settings.overload_window, settings.worker_loop_warn) == (10_000, 5_000)
    factors = (settings.overload_down, settings.overload_up, settings.overload_floor)
    assert factors == (0.8, 1.05, 5)
    assert (settings.executors, settings.attr, settings.log_file) == ((), {}, None)
    assert warnings == ()


def test_the_order_of_sources(tmp_path: Path) -> None:
    config = tmp_path / "n.toml"
    config.write_text(
        'name = "file"\ndata_dir = "file"\ncapacity = 3\nexecutors = ["a", "b:C"]\n'
        '[attr]\nzone = "a"\nrack = "7"\n'
    )
    environment = {"PTASKS_CONFIG": str(config), "PTASKS_NAME": "env", "PTASKS_DATA_DIR": "env"}
    settings, _ = read_settings(["--name", "flag"], environment)
    assert (settings.name, settings.data_dir, settings.capacity) == ("flag", Path("env"), 3)
    assert settings.executors == ("a", "b:C")
    assert settings.attr == {"zone": "a", "rack": "7"}


def test_repeated_flags_add_up() -> None:
    settings, _ = read_settings(
        [*NEEDED, "--attr", "a=1", "--attr", "b=2,c=3", "--executors", "x", "--executors", "y"], {}
    )
    assert settings.attr == {"a": "1", "b": "2", "c": "3"}
    assert settings.executors == ("x", "y")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(["--name", "a b", "--capacity", "many"], {"PTASKS_ATTR": "x"})
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "--name",
        "--data-dir",
        "PTASKS_ATTR",
        "--capacity",
    ]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_loopback_addresses(host: str) -> None:
    settings, _ = read_settings([*NEEDED, "--coordinators", f"{host}:7101"], {})
    assert settings.coordinators == (f"{host}:7101",)


@pytest.mark.parametrize("text", ["0.0.0.0:1", "example.org:1", "127.0.0.1", "127.0.0.1:0", ":1"])
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--coordinators"):
        read_settings([*NEEDED, "--coordinators", text], {})


def test_an_unknown_variable_is_a_warning_unless_the_other_process_knows_it() -> None:
    _, warnings = read_settings(NEEDED, {"PTASKS_NAEM": "x", "PTASKS_PEERS": "y", "HOME": "z"})
    assert warnings == ("PTASKS_NAEM is no setting of task-node",)


def test_each_program_knows_the_others_variables() -> None:
    theirs = {option.variable: "x" for option in OPTIONS}
    assert read_sources(NEEDED, {**theirs, "PTASKS_DEV_PARENT": "3"}).warnings == ()
    ours = {row.variable: "x" for row in TABLE if row.key not in ("name", "data_dir")}
    names = {option.variable for option in OPTIONS}
    environ = {name: text for name, text in ours.items() if name not in names}
    assert load_settings(["--data-dir", "/d"], environ).warnings == ()


def test_tables_of_the_file_join_with_an_underscore(tmp_path: Path) -> None:
    config = tmp_path / "n.toml"
    config.write_text('[log]\nlevel = "debug"\n[attr]\nzone = "a"\n[shutdown]\ngrase = "1s"\n')
    reading = read_sources([*NEEDED, "--config", str(config)], {})
    assert reading.values["log_level"] == "debug"
    assert reading.values["attr"] == {"zone": "a"}
    assert reading.mistakes == ("n.toml: shutdown_grase: unknown; meant shutdown_grace?",)


@pytest.mark.parametrize(
    "argv, words",
    [
        (["--capacityy", "3"], "--capacityy: no such flag; meant --capacity?"),
        (["stray"], "stray: no such flag"),
        (["--capacity"], "argument --capacity: expected one argument"),
        (["--http", "0.0.0.0:80"], "--http: '0.0.0.0:80' is not a loopback address"),
        (["--config", "/nowhere/n.toml"], "/nowhere/n.toml: No such file"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(argv: list[str], words: str) -> None:
    lines = read_sources([*NEEDED, *argv], {}).mistakes
    assert words in lines[0]
    assert "\n" not in "".join(lines)


def test_an_empty_text_unsets_the_address_for_probes() -> None:
    environ = {"PTASKS_HTTP": "127.0.0.1:9"}
    assert read_settings(NEEDED, environ)[0].http == "127.0.0.1:9"
    assert read_settings([*NEEDED, "--http", ""], environ)[0].http is None


# --- config check and show -------------------------------------------------------------------------------------------


def test_x54_config_check_names_everything_at_once_and_starts_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "d"
    arguments = ["check", "--name", "n1", "--data-dir", str(directory)]
    assert run_config(arguments, {}) == (0, ["ok"], [])
    assert not directory.exists()
    directory.write_text("")
    config = tmp_path / "n.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config.write_text(f'capcity = 3\ncoordinators = "example.org:1"\nhttp = "{address}"\n')
        code, out, err = run_config([*arguments, "--config", str(config)], {})
    assert (code, out) == (2, [])
    assert [line.split(": ")[:2] for line in err] == [
        ["n.toml", "capcity"],
        ["n.toml", "coordinators"],
        ["--http", address],
        ["--data-dir", f"{directory} is a file"],
    ]


def test_x54_config_show_says_where_each_value_is_from(tmp_path: Path) -> None:
    config = tmp_path / "n.toml"
    config.write_text('name = "n-file"\nshutdown_grace = "90s"\nattr = {zone = "a", rack = "7"}\n')
    arguments = ["show", "--origin", "--config", str(config), "--data-dir", "/d"]
    code, out, err = run_config([*arguments, "--name", "n-flag"], {"PTASKS_NAME": "n-env"})
    assert (code, err) == (0, [])
    for line in (
        "name = n-flag  (--name)",
        "data_dir = /d  (--data-dir)",
        "http =  (default)",
        "attr = zone=a,rack=7  (n.toml: attr)",
        "shutdown_grace = 1m30s  (n.toml: shutdown_grace)",
        "capacity = 10  (default)",
    ):
        assert line in out
    assert "name = n-env  (PTASKS_NAME)" in run_config(arguments, {"PTASKS_NAME": "n-env"})[1]
    assert run_config(["show", "--name", "n1"], {})[0] == 2


def test_config_without_a_verb_says_how_it_is_used() -> None:
    assert run_config([], {}) == (2, [], [USAGE])
    assert run_config(["chekc"], {})[0] == 2
    assert run_config(["check", "--help"], {})[:2] == (
        0,
        [USAGE, "the settings: task-node --help"],
    )


@pytest.mark.parametrize("program", ["node", "coordinator"])
def test_a_reader_who_has_heard_enough_is_no_error(program: str, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", program, "config", "show", "--name", "n1"]
    try:
        done = subprocess.run(
            [*command, "--data-dir", str(tmp_path)],
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


# --- reload ----------------------------------------------------------------------------------------------------------


def test_a_reload_takes_the_log_level_and_names_what_it_leaves(tmp_path: Path) -> None:
    config, file = tmp_path / "n.toml", tmp_path / "log"
    arguments = [*NEEDED, "--config", str(config)]
    config.write_text('log_level = "info"\ncapacity = 3\nmax_starting = 7\n')
    settings, _ = read_settings(arguments, {})
    log = Log("supervisor", file, settings.log_level)
    config.write_text('log_level = "error"\ncapacity = 4\nmax_starting = "many"\n')
    assert reload_settings(settings, "info", read_sources(arguments, {}), log) == "error"
    log.write("warning", "no longer logged")
    config.write_text('log_level = "loud"\ncapacity = 3\nmax_starting = 7\n')
    assert reload_settings(settings, "error", read_sources(arguments, {}), log) == "error"
    log.close(10.0)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["settings reloaded", "settings not reloaded"] * 2
    assert [line.get("changed", line.get("refused")) for line in lines] == [
        ["log_level"],
        [
            "n.toml: max_starting: 'many' is not a whole number from 1 to 10000",
            "capacity: changed; takes a restart",
        ],
        [],
        ["n.toml: log_level: 'loud' is no level; one of debug, info, warning, error"],
    ]
