"""A node: the machine identity that runs executors.

What it is: three kinds of processes. The **supervisor** is what one starts; it keeps an agent alive and buries what a
dead one left. The **agent** talks to the leader, holds the lease and the outbox, and runs no user code. **Workers** run
user code and nothing else; they are started by exec, live in process groups of their own and die with their agent.

Why so: user code may hang, hold the GIL or take its process with it. Whoever has to kill it in time must not share a
process with it.

Who may enter: nobody. `node` imports the coordinator's client and the SDK (`executors`); nothing imports `node`.

Reading order: `core` (what a node decides, pure; its parts are `core_*`, `lease`, `outbox`; it takes `inputs` and gives
`effects`), `frames` and `frame_buffer` (what agent and worker say), `worker` (the process), `worker_run` (the life of one
run), `agent_loop` (does what the core asks), `agent_imports` (plugins that harm workers), `worker_pool`, `session` (finds
the leader), `supervisor`, `data_dir`. Who dies with whom: `process_ties`, `kernel_timer`, `burial`, `process_marks`,
`control_group`. What it is told: `setting_table`, `settings`, `reload`; what it answers to probes: `agent_health`.
"""
