"""TASKCTL: what operators type. A plain client with no privileged door.

Why so many small modules: a command loads only what it needs. `taskctl`, `--help`, `version` and completion import
neither grpc nor anything that draws tables; `list` is on the screen within 250 ms, most of it Python's own start.

Who may enter: nobody imports this room. It imports `coordinator.client` (grpc behind it) inside functions only.

Reading order: `main` (the tree, and the one place where errors become words and exit codes), `lazy` and `flags` (how
commands load, and flags before and after the verb), `session` (a client made from flags), `output` (tables, JSON),
then any `*_commands` module. `failures` holds the first lines that stay put (EX-21) and the exit codes.
"""
