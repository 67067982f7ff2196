"""What the engine asks of the world: one small Protocol a kind. Values in, values out; expected failures are values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from superteam.core.baseline import Expected
from superteam.core.events import Question
from superteam.core.finding import Finding
from superteam.core.outside import State
from superteam.core.results import Execution, TestId, TestReport
from superteam.core.review import Review

Role = Literal["implement", "fix", "review"]
NO_CONTENTS: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder that holds exactly one commit's files; `env` is the whole environment for programs run there.

    `checkout` is the user's repository, whose own files nothing that runs in the tree may load. `hidden` are entries of
    the user's folders that programs do not find where HOME and its like lead.
    """

    path: Path
    sha: str
    env: Mapping[str, str]
    checkout: Path | None = None
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is left of the budgets for one dispatch; None is no limit. `usd` in US dollars, `time` in seconds."""

    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    time: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Brief:
    """One piece of work for an agent. `env` is the whole environment; times are in seconds, None is no limit.

    Of a review `review_role` says what is looked at, and `attempt` is the number of this role's review of the task.
    `arguments` are added to the agent's own; `session` is the one to continue, as an earlier report named it.
    """

    role: Role
    task_id: str
    attempt: int
    run_id: str
    prompt: str
    tree: Path
    env: Mapping[str, str]
    prompt_file: Path
    result_file: Path
    output: Path
    timeout: float | None
    idle_timeout: float | None
    grace: float = 3.0
    on_output: Callable[[bytes], None] | None = None
    review_role: str = ""
    model: str | None = None
    effort: str | None = None
    arguments: tuple[str, ...] = ()
    session: str | None = None
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What an agent's dispatch came to. Claims are the agent's words and are never believed; unknown cost is None.

    `ended` says first what we did ourselves: "over-budget" names in `limit` the maximum ("max-usd") that was passed.
    "rate-limited" says in `resets_at` (ISO 8601, UTC) when the provider takes work again, None if it did not say.
    `cost_usd` and tokens are of this dispatch alone. `denied` are tools that the agent was not allowed to use.
    `review` is a reviewer's verdict; a reviewer without one that can be read has ended "unreadable", or asks.
    """

    ended: Literal["done", "failed", "timed-out", "idle", "unreadable", "over-budget", "rate-limited"]
    exit_code: int | None = None
    detail: str = ""
    summary: str = ""
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    claims: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    question: str | None = None
    leftovers: tuple[str, ...] = field(default=())
    review: Review | None = None
    turns: int | None = None
    session: str | None = None
    limit: str = ""
    resets_at: str | None = None
    denied: tuple[str, ...] = ()


class Agent(Protocol):
    """Does one piece of work in a checked-out tree; a crash or a time-out is a value, not an exception."""

    async def work(self, brief: Brief) -> AgentReport: ...

    def check(self) -> None:
        """Raises AgentUnavailable when its program cannot be started; called once before a run."""


class Source(Protocol):
    """Runs or reads tests and reports what happened to each; `only` restricts it to exactly these tests."""

    async def collect(self, tree: Tree, only: frozenset[TestId] | None = None) -> Execution: ...


class Clock(Protocol):
    """The time: UTC as ISO 8601 text for documents, seconds for measuring."""

    def now(self) -> str: ...

    def seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Capture:
    """The work tree as it was found: its tree object, and the folders and files that are never committed."""

    tree: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Workspace(Protocol):
    """The user's repository and the trees made from it. Names of saved refs are below refs/superteam/<run id>/.

    Tasks that are done side by side each have a work tree of their own: its number is the `slot`.
    """

    async def prepare(self, tree: str, head: str, keep_as: str, slot: int = 0) -> tuple[str, ...]:
        """Makes the work tree hold exactly `tree`; what it held, if that differs, is kept under the ref `keep_as`."""
        ...

    def work(self, slot: int = 0) -> Tree:
        """The prepared work tree, with its environment."""
        ...

    def roots(self, slot: int = 0) -> tuple[str, ...]:
        """The folders in which gates and suites run: what they print names files there."""
        ...

    async def capture(self, slot: int = 0) -> Capture:
        """Takes the work tree as it is, after its last program is gone."""
        ...

    async def watch(self, key: str, slot: int = 0, role: str = "") -> None:
        """Notes what decides which programs git runs, before a dispatch: in the work tree, or in that of a reviewer
        with this role. `key` names the dispatch; the note outlives a kill."""
        ...

    async def planted(self, key: str, old: str, new: str, copies: Path) -> tuple[Finding, ...]:
        """What has been planted in git's configuration since `watch`, and by the attributes that differ between two
        trees. What the user's own files held before is kept in the folder `copies`."""
        ...

    async def absorb(self, slot: int = 0) -> str:
        """The tree last captured plus what was changed since in tracked files (a formatter that ran as gate)."""
        ...

    async def check_out(self, sha: str) -> Tree:
        """Makes the check tree a clean checkout of this commit, ready to run in."""
        ...

    async def check_out_for_review(self, role: str, sha: str) -> Tree:
        """Makes the tree of this reviewer a clean checkout of a commit, ready to run in."""
        ...

    async def capture_review(self, role: str) -> Capture:
        """Takes a reviewer's tree as it is: it should be as it was given."""
        ...

    async def check_out_spoilt(self, sha: str) -> Tree | None:
        """The check tree of a commit with a syntax error in each source that is no test, to see whose code a suite
        runs; None where nothing was brought from the checkout, so that there is nothing to doubt."""
        ...

    async def check_out_with(self, sha: str, path: str, content: str) -> Tree:
        """The check tree of a commit with one more file in it; the next `check_out` takes it away again."""
        ...

    async def rewritten(self) -> tuple[str, ...]:
        """Tracked files of the check tree that programs have changed since `check_out`."""
        ...

    async def state_outside(self, tree: Tree, first: Collection[str]) -> tuple[State, ...]:
        """Entries of the user's folders, and of temporary ones, that can decide what runs in the check tree show. Its
        files `first` are read before others, should there be many that speak of such folders."""
        ...

    async def check_out_mixed(self, sha: str, tree: str, paths: Collection[str]) -> Tree | None:
        """The check tree of a commit with these paths as they are in another tree; None if that has none of them."""
        ...

    async def check_out_altered(
        self, sha: str, like: str, paths: Collection[str], contents: Mapping[str, bytes] = NO_CONTENTS
    ) -> Tree:
        """The check tree of a commit with these paths as they are in the commit `like` (removed where it has none), and
        with other contents in further ones. Set-up runs for it as for any other tree."""
        ...

    async def files_of(self, commit: str) -> tuple[str, ...]:
        """Paths of all files of a commit."""
        ...

    async def content_of(self, commit: str, path: str) -> bytes:
        """What a file of a commit holds; nothing where it is not there."""
        ...

    async def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Paths that differ between two trees or commits."""
        ...

    async def renames(self, old: str, new: str) -> Mapping[str, str]:
        """Files that git sees renamed between two commits, old path to new."""
        ...

    async def texts(self, commit: str, paths: Collection[str]) -> Mapping[str, str]:
        """The contents of those of the files that a commit has, as text."""
        ...

    async def diff(self, old: str, new: str, limit: int) -> str:
        """The difference as text, cut with a mark after `limit` characters."""
        ...

    async def patch(self, old: str, new: str) -> str:
        """The whole difference without lines of context, for programs."""
        ...

    def environment_notes(self) -> tuple[str, ...]:
        """What the check tree lacks of the checkout or has otherwise, for a person who asks why a suite is red."""
        ...

    async def environment_findings(self, reference: str) -> tuple[Finding, ...]:
        """What gets into every test run and is not as it was when the reference was first run, or as installed."""
        ...

    async def trees_before(self, commit: str) -> frozenset[str]:
        """The tree objects of a commit and of its newest ancestors, a thousand in all."""
        ...

    async def tree_of(self, commit: str) -> str:
        """The tree object of a commit."""
        ...

    async def commit(self, tree: str, parent: str, message: str, at: str) -> str:
        """Makes a commit object; the same arguments give the same object, so repeating it does no harm."""
        ...

    async def message(self, commit: str) -> str:
        """The message of a commit, as it was given to `commit`."""
        ...

    async def keep(self, name: str, sha: str) -> None:
        """Makes a commit, or a tree, reachable under this ref."""
        ...

    async def move(self, new: str, old: str) -> None:
        """Moves the run's branch by compare and swap; no effect when it is already there."""
        ...

    async def merge(self, base: str, ours: str, theirs: str) -> str | None:
        """The merged tree of three commits or trees, or None where they conflict."""
        ...

    async def combine(self, base: str, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        """The merged tree of three commits or trees, and the files that conflict: these hold both sides between
        conflict markers, as far as they are text."""
        ...

    async def marked(self, tree: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the files in a tree in which a conflict marker of `combine` is left."""
        ...

    async def finish(self, tip: str, fast_forward: bool) -> str | None:
        """Gives the checkout back; None when the user's branch is at the tip, else the reason why it is not."""
        ...


class Reports(Protocol):
    """Where reports and expected sets are kept, by content."""

    def save_report(self, report: TestReport) -> str: ...
    def load_report(self, name: str) -> TestReport: ...
    def save_expected(self, expected: Expected) -> str: ...
    def load_expected(self, name: str) -> Expected: ...


class Executions(Protocol):
    """What earlier executions showed. JournalError where it cannot be read or written: evidence, never a need."""

    def record(self, execution: Execution, *, tree: str, purpose: str, at: str, environment: str) -> None:
        """Keeps the outcome of each test that ran, with the tree it ran on."""
        ...

    def known_flakes(self, command: str, ids: Iterable[TestId], trees: Collection[str]) -> dict[TestId, frozenset[str]]:
        """Of these tests those that both failed and passed on one of the trees, with their failures' signatures."""
        ...


class Operator(Protocol):
    """Whoever answers questions: a person at a terminal."""

    async def ask(self, question: Question) -> tuple[str, str | None]:
        """The chosen option's id and an optional note."""
        ...
