"""Which worker process a run gets, and what becomes of workers. Pure: processes are numbers here.

Runs of exclusive executors share one worker, the others share another, never both in one: when the lease runs out the
first is killed and the second goes on. Runs that need a process of their own take a spare, which is started and has
its executors imported already. Workers may offer different executors, when a plugin could be imported in one and not in
another: a run goes where its executor is.
"""

from __future__ import annotations

from enum import Enum, auto

from node.core_desk import Desk
from node.core_runs import LocalRun
from node.effects import KillWorker, StartWorker
from node.frames import Shutdown

LEAVE_MS = 2_000  # what a worker gets to exit by itself
RESPAWN_MS = 200
RESPAWN_MAX_MS = 30_000
DEATHS = ("died", "killed", "start_failed")  # by itself; by us; before it was ready


class Role(Enum):
    SPARE = auto()
    EXCLUSIVE = auto()  # shared by runs of exclusive executors
    TOLERANT = auto()  # shared by runs of the others
    OWN = auto()  # of one run alone
    RETIRED = auto()  # takes no run any more


class Worker:
    __slots__ = (
        "executors",
        "is_exclusive",
        "is_killed",
        "is_late",
        "is_ready",
        "number",
        "role",
        "runs",
    )

    def __init__(self, number: int, role: Role) -> None:
        self.number = number
        self.role = role
        self.runs: dict[int, LocalRun] = {}
        self.executors: frozenset[str] | None = None  # what it offers; None: not known yet
        self.is_ready = False
        self.is_late = False  # its imports take long: until it is ready it counts for nothing
        self.is_killed = False
        # Has or had an exclusive run: threads and programs of one may go on when it has ended, so it may not outlive the lease.
        self.is_exclusive = False

    def may_run(self, executor: str) -> bool:
        return self.executors is None or executor in self.executors


class Fleet:
    """All workers of this agent."""

    def __init__(self, desk: Desk) -> None:
        self.workers: dict[int, Worker] = {}
        self.executors: frozenset[str] | None = (
            None  # what workers offer that are ready; None: not known yet
        )
        self._desk = desk
        self._last_number = 0
        self._shared: dict[Role, Worker] = {}
        self._failures = 0
        self._respawn_timer = 0
        self._is_closing = False
        self.deaths = dict.fromkeys(DEATHS, 0)  # of workers, but for those that were let go

    def open(self) -> None:
        """Start the first worker: it tells what this node offers and then takes the first shared runs."""
        self._start(Role.SPARE)

    @property
    def is_up(self) -> bool:
        """Whether runs would find a worker: one told what is offered, and the last that was started came up."""
        return self.executors is not None and not self._failures

    def _start(self, role: Role) -> Worker:
        self._last_number += 1
        worker = Worker(self._last_number, role)
        self.workers[worker.number] = worker
        self._desk.ask(StartWorker(worker.number))
        return worker

    def ready(self, number: int, executors: frozenset[str]) -> None:
        """A worker has its executors imported."""
        worker = self.workers.get(number)
        if worker is None:
            return
        worker.is_ready, worker.is_late = True, False
        worker.executors = executors
        self.executors = frozenset().union(
            *(each.executors for each in self.workers.values() if each.executors is not None)
        )
        self._failures = 0
        self._let_go_of_spares(executors)
        self.keep_spares()

    def _let_go_of_spares(self, newest: frozenset[str]) -> None:
        """Idle workers that offer less than the newest go; of those that are too many, who offers least, then the oldest."""
        ready: list[tuple[int, int, Worker]] = []
        for spare in self._spares():
            if spare.executors is None:
                continue
            if spare.executors < newest:
                self._dismiss(spare)
            else:
                ready.append((len(spare.executors), spare.number, spare))
        surplus = len(ready) - max(1, self._desk.config.spare_workers)
        for _, _, spare in sorted(ready)[: max(0, surplus)]:
            self._dismiss(spare)

    def one_more(self) -> None:
        """Plugins may be offered that are not, or are late: start a worker beside those that are starting."""
        if self._is_closing:
            return
        for worker in self.workers.values():
            worker.is_late = worker.is_late or not worker.is_ready
        self._start(Role.SPARE)

    def place(self, run: LocalRun) -> Worker:
        """The worker that takes this run; started now if there is none."""
        wanted = run.wanted
        if wanted.own_process or wanted.isolation == "process":
            worker = self._take_spare(Role.OWN, wanted.executor)
        else:
            worker = self._shared_by(
                Role.EXCLUSIVE if wanted.exclusive else Role.TOLERANT, wanted.executor
            )
        worker.runs[run.allocation_id] = run
        worker.is_exclusive = worker.is_exclusive or wanted.exclusive
        run.worker = worker.number
        return worker

    def _shared_by(self, role: Role, executor: str) -> Worker:
        """The shared worker of this kind; one that lacks the executor makes way for another."""
        shared = self._shared.get(role)
        if shared is not None and not shared.may_run(executor):
            self._retire(shared)
            if not shared.runs:
                self._dismiss(shared)
            shared = None
        if shared is None:
            shared = self._shared[role] = self._take_spare(role, executor)
        return shared

    def _spares(self) -> list[Worker]:
        """Idle workers that can be counted on."""
        return [w for w in self.workers.values() if w.role is Role.SPARE and not w.is_late]

    def _take_spare(self, role: Role, executor: str) -> Worker:
        """A spare that is ready, else one that is starting, else a new one."""
        spares = [worker for worker in self._spares() if worker.may_run(executor)]
        worker = min(spares, key=lambda w: not w.is_ready) if spares else self._start(role)
        worker.role = role
        if self.executors is not None:
            self.keep_spares()
        return worker

    def keep_spares(self) -> None:
        """Have as many idle workers as settings ask for; none is started while one fails at it again and again."""
        if self._is_closing or self._respawn_timer:
            return
        for _ in range(len(self._spares()), self._desk.config.spare_workers):
            self._start(Role.SPARE)

    def ended(self, run: LocalRun) -> None:
        """User code of the run is over. A worker of its own, or one that takes no new runs, goes with its last run."""
        worker = self._release(run)
        if worker is None or worker.is_killed or worker.role not in (Role.OWN, Role.RETIRED):
            return
        if not worker.runs:
            self._dismiss(worker)
        elif all(other.escalated for other in worker.runs.values()):
            self.kill(worker)

    def _release(self, run: LocalRun) -> Worker | None:
        worker = self.workers.get(run.worker) if run.worker is not None else None
        run.worker = None
        if worker is not None:
            worker.runs.pop(run.allocation_id, None)
        return worker

    def _dismiss(self, worker: Worker) -> None:
        worker.role = Role.RETIRED
        self._desk.tell(worker.number, Shutdown())
        self._desk.after(LEAVE_MS, self._kill_late, worker.number)

    def condemn(self, run: LocalRun) -> None:
        """The run ignores its stop (PT-58): kill it, but let its neighbours end first, for a while."""
        worker = self.workers.get(run.worker) if run.worker is not None else None
        if worker is None or worker.is_killed:
            return
        self._retire(worker)
        if all(other.escalated for other in worker.runs.values()):
            self.kill(worker)
        else:
            self._desk.after(self._desk.config.condemned_ms, self._kill_late, worker.number)

    def _retire(self, worker: Worker) -> None:
        if worker.role is not Role.OWN:
            worker.role = Role.RETIRED
        for role, shared in list(self._shared.items()):
            if shared is worker:
                del self._shared[role]

    def _kill_late(self, number: int) -> None:
        worker = self.workers.get(number)
        if worker is not None:
            self.kill(worker)

    def kill(self, worker: Worker) -> None:
        """SIGKILL to the process group; its runs end when `died` is told."""
        if not worker.is_killed:
            worker.is_killed = True
            self._retire(worker)
            self._desk.ask(KillWorker(worker.number))

    def kill_exclusive(self) -> None:
        """The lease is nearly over: neither an exclusive run, nor what one left behind, may see its end (L2)."""
        for worker in list(self.workers.values()):
            if worker.is_exclusive:
                self.kill(worker)

    @property
    def has_exclusive(self) -> bool:
        """Whether a worker lives that may be executing code of an exclusive run."""
        return any(worker.is_exclusive for worker in self.workers.values())

    def died(self, number: int) -> tuple[LocalRun, ...]:
        """Nothing of the worker is left. Gives the runs that died with it, already released."""
        worker = self.workers.pop(number, None)
        if worker is None:
            return ()
        self._count_death(worker)
        self._retire(worker)
        victims = tuple(worker.runs.values())
        for run in victims:
            run.worker = None
        if not worker.is_ready and not worker.is_killed and not worker.is_late:
            self._failed()
        else:
            self.keep_spares()
        return victims

    def _count_death(self, worker: Worker) -> None:
        if worker.is_killed:
            self.deaths["killed"] += 1
        elif not worker.is_ready:
            self.deaths["start_failed"] += 1
        elif worker.role is not Role.RETIRED or worker.runs:
            self.deaths["died"] += 1

    def _failed(self) -> None:
        self._failures += 1
        delay = min(RESPAWN_MS << min(self._failures, 8), RESPAWN_MAX_MS)
        self._desk.timers.cancel(self._respawn_timer)
        self._respawn_timer = self._desk.after(delay, self._respawn)

    def _respawn(self, _: int) -> None:
        self._respawn_timer = 0
        if self._is_closing:
            return
        if self.executors is None and not self.workers:
            self._start(Role.SPARE)
        self.keep_spares()

    def close(self) -> None:
        """The node leaves: idle workers go, no new one is kept."""
        self._is_closing = True
        for worker in list(self.workers.values()):
            if not worker.runs and not worker.is_killed and worker.role is not Role.RETIRED:
                self._retire(worker)
                self._dismiss(worker)
