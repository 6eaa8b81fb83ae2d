"""`taskctl completion show | install`: completion for bash, zsh and fish."""

from __future__ import annotations

import os
from pathlib import Path

import click

from coordinator.cli import exits
from coordinator.cli.failures import usage
from coordinator.cli.lazy import Entry, LazyGroup, Verb
from coordinator.cli.session import session_of

SHELLS = ("bash", "zsh", "fish")

_HERE = "coordinator.cli.completion_commands"
completion = LazyGroup(
    name="completion",
    help="Completion for bash, zsh and fish, with live ids, nodes, executors and contexts.",
    entries={
        "show": Entry(_HERE, "show", "The script, for bash, zsh or fish."),
        "install": Entry(_HERE, "install", "Put it where your shell finds it."),
    },
)

_BASH = """\
_taskctl_completion() {
    local IFS=$'\\n' line
    COMPREPLY=()
    while IFS=, read -r _ line; do
        [[ -n $line ]] && COMPREPLY+=("$line")
    done < <(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" _TASKCTL_COMPLETE=bash_complete taskctl 2>/dev/null)
}
complete -o nosort -F _taskctl_completion taskctl
"""

_ZSH = """\
#compdef taskctl
_taskctl_completion() {
    local -a names
    local key name help
    while read -r key && read -r name && read -r help; do
        names+=("$name")
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) _TASKCTL_COMPLETE=zsh_complete taskctl 2>/dev/null)
    compadd -U -V unsorted -a names
}
compdef _taskctl_completion taskctl
"""

_FISH = """\
function _taskctl_completion
    for line in (env _TASKCTL_COMPLETE=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=(commandline -t) taskctl 2>/dev/null)
        echo (string split -m 1 , $line)[2]
    end
end
complete --no-files --command taskctl --arguments "(_taskctl_completion)"
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def target(shell: str, home: Path) -> Path:
    """Where that shell looks by itself."""
    return {
        "bash": home / ".local/share/bash-completion/completions/taskctl",
        "zsh": home / ".local/share/zsh/site-functions/_taskctl",
        "fish": home / ".config/fish/completions/taskctl.fish",
    }[shell]


@click.command("show", cls=Verb)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def show(ctx: click.Context, shell: str) -> int:
    """The completion script of a shell."""
    view = {"shell": shell, "script": SCRIPTS[shell]}
    session_of(ctx).out.single("Completion", None, view, shell, lambda: SCRIPTS[shell].rstrip())
    return exits.OK


@click.command("install", cls=Verb)
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.pass_context
def install(ctx: click.Context, shell: str | None) -> int:
    """Put the completion script where your shell finds it.  [default: the shell of $SHELL]"""
    chosen = shell or Path(os.environ.get("SHELL", "")).name
    if chosen not in SHELLS:
        raise usage(
            f"completion install: no completion for {chosen or 'an unknown shell'}",
            hint=f"name one of {', '.join(SHELLS)}",
        )
    path = target(chosen, Path.home())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SCRIPTS[chosen], encoding="utf-8")
    view = {"shell": chosen, "path": str(path)}
    text = f"{path} written; it works in the next shell"
    session_of(ctx).out.single("Completion", None, view, chosen, lambda: text)
    return exits.OK
