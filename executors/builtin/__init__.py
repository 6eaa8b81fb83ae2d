"""Executors that come with ptasks. For work: `command.run`, `http.call`. To try things out: `demo.noop`, `demo.sleep`,
`demo.ticker`, `demo.flaky`, `demo.digest`.

Real, and written like an author's: they import `executors` and nothing else of ours. The registry loads them by name in
every process that loads executors. Reading order: `noop`, `ticker` (state), `flaky` (failure), `digest` (real work that
resumes where it was), `http` and `command` (threads that a stop has to reach).
"""
