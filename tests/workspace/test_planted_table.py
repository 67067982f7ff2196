"""The planted-configuration table: what an agent plants for git never runs in our calls, and is named.

Each case is tried in the agent's private tree, in place in the user's checkout, and most of them in the user's home.
That plain git runs it shows that the table is not blind.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
import pytest

from superteam.core.events import RunCreated
from superteam.core.evolve import start
from superteam.core.finding import Finding
from superteam.core.plan import Plan, Task
from superteam.core.settings import Settings, WorkspaceSettings
from superteam.errors import WorkspaceError
from superteam.workspace.desk import Desk, open_desk
from superteam.workspace.git_directory import Engine
from superteam.workspace.opening import is_unchanged_in_head, open_engine, open_repository, require_startable

AT = "2026-01-02T03:04:05Z"
BRANCH = "superteam/plan-r1"
Where = Literal["tree", "in-place", "home"]


@dataclass
class Field:
    """Where a case plants: `git` is the repository's folder and `tree` its files; `settings` is the file with
    configuration, `evil` a program that leaves a mark and `mark` where."""

    git: Path
    tree: Path
    settings: Path
    evil: Path
    mark: Path

    def configure(self, text: str) -> None:
        self.settings.parent.mkdir(parents=True, exist_ok=True)
        with self.settings.open("a") as file:
            file.write(text.replace("EVIL", str(self.evil)).replace("GIT", str(self.git)) + "\n")

    def attributes(self, text: str) -> None:
        file = self.tree / ".gitattributes"
        file.write_text(f"{text}\n{file.read_text()}")

    def hook(self, name: str, folder: str = "hooks") -> None:
        (self.git / folder).mkdir(exist_ok=True)
        shutil.copy(self.evil, self.git / folder / name)


@dataclass(frozen=True)
class Case:
    """What is planted, what the finding says, and the plain git commands of which one would run it (none: git needs a
    network or a terminal for it, or it does harm of another kind). `stops`: in place no run can go on with it."""

    plant: Callable[[Field], None]
    says: str
    plain: tuple[str, ...] = ()
    stops: bool = False
    where: tuple[Where, ...] = ("tree", "in-place")


def setting(text: str, says: str, *plain: str, attributes: str = "", stops: bool = False) -> Case:
    """A case of settings, which may stand in the user's home too."""

    def plant(at: Field) -> None:
        at.configure(text)
        if attributes:
            at.attributes(attributes)

    return Case(plant, says, plain, stops, ("tree", "in-place") if stops else ("tree", "in-place", "home"))


def hook(*names: str, by: str | tuple[str, ...]) -> Case:
    def plant(at: Field) -> None:
        for name in names:
            at.hook(name)

    return Case(plant, "a hook was added", (by,) if isinstance(by, str) else by)


def _elsewhere(at: Field) -> Path:
    """Another repository, in the agent's hands."""
    made = at.evil.parent / "elsewhere"
    if not made.exists():
        subprocess.run(["git", "init", "-q", str(made)], check=True)
        (made / ".git/config").write_text(f'[core]\n\tfsmonitor = {at.evil}\n[filter "x"]\n\tclean = {at.evil}\n')
    return made / ".git"


def _git_file(at: Field) -> None:
    shutil.rmtree(at.git)
    at.git.write_text(f"gitdir: {_elsewhere(at)}\n")


def _git_link(at: Field) -> None:
    elsewhere = _elsewhere(at)
    shutil.rmtree(at.git)
    at.git.symlink_to(elsewhere)


def _no_git(at: Field) -> None:
    shutil.rmtree(at.git)


def _commondir(at: Field) -> None:
    (at.git / "commondir").write_text(f"{_elsewhere(at)}\n")


def _alternates(at: Field) -> None:
    (at.git / "objects/info").mkdir(parents=True, exist_ok=True)
    with (at.git / "objects/info/alternates").open("a") as file:
        file.write(f"{_elsewhere(at)}/objects\n")


def _info_attributes(at: Field) -> None:
    at.configure('[filter "x"]\n\tclean = EVIL')
    (at.git / "info").mkdir(exist_ok=True)
    (at.git / "info/attributes").write_text("* filter=x\n")


def _attributes_file(at: Field) -> None:
    (at.evil.parent / "attributes").write_text("* filter=x\n")
    at.configure(f'[core]\n\tattributesFile = {at.evil.parent}/attributes\n[filter "x"]\n\tclean = EVIL')


def _worktree_config(at: Field) -> None:
    at.configure("[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tworktreeConfig = true")
    (at.git / "config.worktree").write_text(f"[core]\n\tfsmonitor = {at.evil}\n")


def _included(at: Field) -> None:
    (at.evil.parent / "more.cfg").write_text(f"[core]\n\tfsmonitor = {at.evil}\n")
    at.configure(f"[include]\n\tpath = {at.evil.parent}/more.cfg")


def _included_if(at: Field) -> None:
    (at.evil.parent / "more.cfg").write_text(f"[diff]\n\texternal = {at.evil}\n")
    at.configure(f'[includeIf "gitdir:/"]\n\tpath = {at.evil.parent}/more.cfg')


def _hooks_path(at: Field) -> None:
    at.hook("pre-commit", "more")
    at.configure("[core]\n\thooksPath = GIT/more")


def _template(at: Field) -> None:
    folder = at.evil.parent / "template/hooks"
    folder.mkdir(parents=True)
    shutil.copy(at.evil, folder / "pre-commit")
    at.configure(f"[init]\n\ttemplateDir = {folder.parent}")


def _replaced(at: Field) -> None:
    """The start commit is shown as one with other files."""
    (at.git / "refs/replace").mkdir(parents=True, exist_ok=True)
    run = ["git", f"--git-dir={at.git}", "-c", "core.hooksPath=/dev/null"]
    head = subprocess.run([*run, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    empty = subprocess.run([*run, "mktree"], input="", capture_output=True, text=True, check=True).stdout.strip()
    other = [*run, "-c", "user.name=E", "-c", "user.email=e@e", "commit-tree", "-m", "other", empty]
    made = subprocess.run(other, capture_output=True, text=True, check=True).stdout
    (at.git / "refs/replace" / head).write_text(made)


def _grafts(at: Field) -> None:
    run = ["git", f"--git-dir={at.git}", "rev-parse", "HEAD"]
    head = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    (at.git / "info").mkdir(exist_ok=True)
    (at.git / "info/grafts").write_text(head)


def _sparse(at: Field) -> None:
    at.configure("[core]\n\tsparseCheckout = true")
    (at.git / "info").mkdir(exist_ok=True)
    (at.git / "info/sparse-checkout").write_text("/nothing\n")


def _nested(at: Field) -> None:
    inner = at.tree / "inner"
    subprocess.run(["git", "init", "-q", str(inner)], check=True)
    (inner / ".git/config").write_text(f'[core]\n\tfsmonitor = {at.evil}\n[filter "x"]\n\tclean = {at.evil}\n')
    (inner / ".gitattributes").write_text("* filter=x\n")
    (inner / "f.txt").write_text("inner\n")


CREDENTIAL = "protocol=https\nhost=nowhere.invalid\n\n"
FETCH = "fetch -q evil"
REMOTE = '[remote "evil"]\n\turl = {}\n\tfetch = +refs/heads/*:refs/remotes/evil/*\n'
MERGE = "merge -q --no-edit side"
CASES: dict[str, Case] = {
    "hook-pre-commit": hook("pre-commit", "commit-msg", by="commit -q --allow-empty -m x"),
    "hook-post-commit": hook("post-commit", "post-rewrite", by="commit -q --allow-empty -m x"),
    "hook-post-checkout": hook("post-checkout", by="checkout -q -b other"),
    "hook-reference-transaction": hook("reference-transaction", by="update-ref refs/heads/new HEAD"),
    "hook-post-index-change": hook("post-index-change", by="add -A"),
    "hook-post-merge": hook("post-merge", "pre-merge-commit", by=("reset -q --hard HEAD~1", "merge -q ORIG_HEAD")),
    "hooks-path": Case(_hooks_path, "core.hookspath", ("commit -q --allow-empty -m x",)),
    "fsmonitor": setting("[core]\n\tfsmonitor = EVIL", "core.fsmonitor", "status"),
    "filter-clean": setting('[filter "x"]\n\tclean = EVIL', "filter.x.clean", "add -A", attributes="* filter=x"),
    "filter-smudge": setting(
        '[filter "x"]\n\tsmudge = EVIL', "filter.x.smudge", "checkout -q -f HEAD -- a.txt", attributes="* filter=x"
    ),
    "filter-process": setting(
        '[filter "x"]\n\tprocess = EVIL\n\trequired = true', "filter.x.process", "add -A", attributes="* filter=x"
    ),
    "filter-of-the-users-name": setting('[filter "own"]\n\tclean = EVIL', "filter.own.clean", "add -A"),
    "info-attributes": Case(_info_attributes, "git's own attributes were", ("add -A",)),
    "attributes-file": Case(_attributes_file, "core.attributesfile", ("add -A",)),
    "diff-external": setting("[diff]\n\texternal = EVIL", "diff.external", "diff"),
    "diff-command": setting('[diff "x"]\n\tcommand = EVIL', "diff.x.command", "diff", attributes="* diff=x"),
    "diff-textconv": setting('[diff "x"]\n\ttextconv = EVIL', "diff.x.textconv", "diff", attributes="* diff=x"),
    "merge-driver": setting('[merge "x"]\n\tdriver = EVIL', "merge.x.driver", MERGE, attributes="* merge=x"),
    "include": Case(_included, "include.path", ("status",), where=("tree", "in-place", "home")),
    "include-if": Case(_included_if, "includeif.gitdir", ("diff",), where=("tree", "in-place", "home")),
    "worktree-config": Case(_worktree_config, "config.worktree", ("status",)),
    "gpg-program": setting(
        "[gpg]\n\tprogram = EVIL\n[commit]\n\tgpgSign = true", "gpg.program", "commit -q --allow-empty -m x"
    ),
    "gpg-ssh": setting(
        '[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tprogram = EVIL\n[user]\n\tsigningKey = key::x\n[commit]\n\tgpgSign = 1',
        "gpg.ssh.program",
        "commit -q --allow-empty -m x",
    ),
    "gpg-ssh-key-command": setting(
        '[gpg]\n\tformat = ssh\n[gpg "ssh"]\n\tdefaultKeyCommand = EVIL\n[commit]\n\tgpgSign = true',
        "gpg.ssh.defaultkeycommand",
        "commit -q --allow-empty -m x",
    ),
    "show-signature": setting(
        "[log]\n\tshowSignature = true\n[gpg]\n\tprogram = EVIL", "log.showsignature", "show signed"
    ),
    "ssh-command": setting(
        REMOTE.format("ssh://nowhere.invalid/x") + "[core]\n\tsshCommand = EVIL", "core.sshcommand", FETCH
    ),
    "git-proxy": setting(
        REMOTE.format("git://nowhere.invalid/x") + "[core]\n\tgitProxy = EVIL", "core.gitproxy", FETCH
    ),
    "ask-pass": setting("[core]\n\taskPass = EVIL", "core.askpass", "credential fill"),
    "credential-helper": setting("[credential]\n\thelper = EVIL", "credential.helper", "credential fill"),
    "editor": setting("[core]\n\teditor = EVIL", "core.editor", "commit -q --allow-empty"),
    "sequence-editor": setting(
        "[sequence]\n\teditor = EVIL", "sequence.editor", "reset -q --hard", "rebase -q -i HEAD~1"
    ),
    "pager": setting("[core]\n\tpager = EVIL\n[pager]\n\tdiff = EVIL", "core.pager"),
    "alias": setting("[alias]\n\tst = !EVIL\n\tdiff-tree = !EVIL", "alias.st", "st"),
    "upload-pack": setting(REMOTE.format("GIT") + "\tuploadpack = EVIL", "remote.evil.uploadpack", FETCH),
    "remote-ext": setting(
        REMOTE.format('"ext::EVIL %S"') + '[protocol "ext"]\n\tallow = always', "protocol.ext.allow", FETCH
    ),
    "remote-vcs": setting(REMOTE.format("x") + "\tvcs = ext", "remote.evil.vcs"),
    "instead-of": setting(
        '[url "ext::EVIL %S/"]\n\tinsteadOf = https://\n[protocol "ext"]\n\tallow = always\n'
        + REMOTE.format("https://nowhere.invalid/x"),
        "insteadof",
        FETCH,
    ),
    "promisor": setting(
        REMOTE.format('"ext::EVIL %S"') + '\tpromisor = true\n[protocol "ext"]\n\tallow = always\n'
        '[core]\n\trepositoryFormatVersion = 1\n[extensions]\n\tpartialClone = evil',
        "extensions.partialclone",
        "cat-file -p 1234567890123456789012345678901234567890",
    ),
    "submodule-update": setting(
        '[submodule "lib"]\n\tupdate = !EVIL\n\turl = GIT\n\tactive = true', "submodule.lib.update"
    ),
    "trailer": setting(
        '[trailer "x"]\n\tkey = X\n\tcommand = EVIL\n\tifMissing = add', "trailer.x.command", "interpret-trailers a.txt"
    ),
    "pack-objects-hook": setting("[uploadpack]\n\tpackObjectsHook = EVIL", "uploadpack.packobjectshook"),
    "template": Case(_template, "init.templatedir", where=("tree", "in-place", "home")),
    "configured-hook": setting(
        '[hook "x"]\n\tcommand = EVIL\n\tevent = reference-transaction', "hook.x.command"
    ),
    "worktree-elsewhere": setting("[core]\n\tworktree = /", "core.worktree", stops=True),
    "bare": setting("[core]\n\tbare = true", "core.bare", stops=True),
    "commondir": Case(_commondir, "what leads to the repository's shared part", ("status",), stops=True),
    "git-is-a-file": Case(_git_file, "the repository itself was changed", ("status",), stops=True),
    "git-is-a-link": Case(_git_link, "the repository itself was changed", ("status",), stops=True),
    "git-is-gone": Case(_no_git, "the repository itself was removed", where=("tree",)),
    "alternates": Case(_alternates, "the list of further object stores"),
    "replaced-commits": Case(_replaced, "a replacement of commits"),
    "grafts": Case(_grafts, "a replacement of commits"),
    "sparse-checkout": Case(_sparse, "core.sparsecheckout"),
    "nested-repository": Case(_nested, "names the filter driver x", ("-C inner status",)),
    "attributes-alone": Case(lambda at: at.attributes("* filter=x diff=x merge=x"), "names the filter driver x"),
}  # fmt: skip


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, input=CREDENTIAL
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's repository, with a filter of his own in his home and files that need it."""
    monkeypatch.setenv("SUPERTEAM_CACHE", str(tmp_path / "cache"))
    home = Path(os.environ["HOME"])
    (home / ".gitconfig").write_text('[filter "own"]\n\tclean = tr a-z A-Z\n\tsmudge = tr A-Z a-z\n\trequired = true\n')
    made = tmp_path / "project"
    (made / "src").mkdir(parents=True)
    git(made, "init", "-q", "-b", "main")
    git(made, "config", "user.name", "Ada")
    git(made, "config", "user.email", "ada@example.org")
    files = {"a.txt": "one\n", "src/b.py": "b = 1\n", "c.own": "mine\n", ".gitattributes": "*.own filter=own\n"}
    for text in ("zero\n", "one\n"):
        for name, content in {**files, "a.txt": text}.items():
            (made / name).write_text(content)
        git(made, "add", "-A")
        git(made, "commit", "-q", "-m", "start")
    assert git(made, "show", "HEAD:c.own") == "MINE"
    return made


@dataclass
class Bench:
    """A run's desk with its findings; each `again` is a new process."""

    root: Path
    desk: Desk
    settings: Settings
    copies: Path
    found: list[Finding] = field(default_factory=list)

    @property
    def head(self) -> str:
        assert self.desk.run is not None
        return self.desk.run.start_sha

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return anyio.run(function, *arguments)

    def prepare(self, commit: str) -> None:
        self.do(self.desk.prepare, self.desk.repository.tree_of(commit), commit, "replaced/x")

    def again(self) -> None:
        run = self.desk.run
        self.desk.close()
        self.desk = open_desk(open_repository(self.root), run, self.settings, os.environ)
        self.desk.recover(interrupted=True)


Open = Callable[[bool], Bench]


@pytest.fixture
def bench_of(root: Path, tmp_path: Path) -> Iterator[Open]:
    opened = []

    def make(in_place: bool) -> Bench:
        settings = Settings(workspace=WorkspaceSettings(isolation="in-place" if in_place else "tree"))
        repository = open_repository(root, for_run=True)
        require_startable(repository, in_place)
        plan = Plan(path="plan.md", format="x", title="t", sha256="0" * 64, tasks=(Task(id="1", title="t"),))
        created = RunCreated(
            run_id="r1", plan=plan, settings=settings, start_sha=repository.head,
            start_tree=repository.tree_of("HEAD"), user_branch=repository.branch, run_branch=BRANCH,
            interactive=False, superteam="0", pid=1, host="h",
        )  # fmt: skip
        desk = open_desk(repository, start(created, AT), settings, os.environ)
        opened.append(Bench(root, desk, settings, tmp_path / "copies"))
        return opened[-1]

    yield make
    for bench in opened:
        bench.desk.close()


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {shlex.quote(str(tmp_path / 'ran'))}\nexit 1\n")
    program.chmod(0o755)
    return program


def _field(bench: Bench, evil: Path, where: Where) -> Field:
    tree = bench.desk.work().path
    settings = Path(os.environ["HOME"]) / ".gitconfig" if where == "home" else tree / ".git/config"
    return Field(tree / ".git", tree, settings, evil, evil.parent / "ran")


HOME = ("fsmonitor", "filter-clean", "filter-smudge", "filter-of-the-users-name", "include", "gpg-program", "alias")
TABLE = [
    pytest.param(case, where, id=f"{name}-{where}")
    for name, case in CASES.items()
    for where in case.where
    if where != "home" or name in HOME
]


def _dispatch(bench: Bench, case: Case, where: Where, evil: Path) -> str:
    """An agent edits a file and plants; what was taken of it."""
    bench.prepare(bench.head)
    bench.do(bench.desk.watch, "dispatch-1-1")
    at = _field(bench, evil, where)
    (at.tree / "a.txt").write_text("two\n")
    (at.tree / "d.own").write_text("also mine\n")
    case.plant(at)
    assert not at.mark.exists(), "planting runs nothing"
    return str(bench.do(bench.desk.capture).tree)


def _rest_of_the_run(bench: Bench, tree: str) -> str:
    """Everything that our git does after a dispatch, in two processes; the task's commit."""
    desk, do, head = bench.desk, bench.do, bench.head
    start_tree = desk.repository.tree_of(head)
    bench.found += do(desk.planted, "dispatch-1-1", start_tree, tree, bench.copies)
    do(desk.changed, start_tree, tree)
    do(desk.diff, start_tree, tree, 10_000)
    do(desk.patch, start_tree, tree)
    do(desk.absorb)
    made: str = do(desk.commit, tree, head, "feat: x\n", AT)
    do(desk.merge, head, made, head)
    do(desk.check_out, made)
    do(desk.check_out_for_review, "spec", made)
    do(desk.capture_review, "spec")
    do(desk.keep, "replaced/y", made)
    do(desk.move, made, head)
    bench.again()
    desk = bench.desk
    bench.prepare(head)  # put back, in another process
    bench.prepare(made)
    is_unchanged_in_head(desk.repository, "a.txt")
    validating = open_desk(open_repository(bench.root), None, bench.settings, os.environ)
    validating.snapshot_checkout()
    validating.close()
    do(desk.trees_before, made)
    assert do(desk.finish, made, True) is None
    again = open_repository(bench.root)
    open_engine(again).dirty()
    is_unchanged_in_head(again, "a.txt")
    assert again.ref("refs/heads/main") == made
    return made


def _is_right(engine: Engine, made: str, case: Case) -> None:
    assert engine.content(made, "a.txt") == b"two\n"
    assert engine.content(made, "src/b.py") == b"b = 1\n"
    assert engine.content(made, "c.own") == b"MINE\n" and engine.content(made, "d.own") == b"ALSO MINE\n"
    more = set(engine.files(made)) - {"a.txt", "src/b.py", "c.own", "d.own", ".gitattributes"}
    assert more <= {"inner/f.txt", "inner/.gitattributes"}


@pytest.mark.parametrize(("case", "where"), TABLE)
def test_what_an_agent_planted_never_runs_and_is_named(
    root: Path, bench_of: Open, evil: Path, case: Case, where: Where
) -> None:
    bench = bench_of(where == "in-place")
    mark = evil.parent / "ran"
    if case.stops and where == "in-place":
        with pytest.raises(WorkspaceError, match=r"is not (what it was|the one of its unfinished run)"):
            _rest_of_the_run(bench, _dispatch(bench, case, where, evil))
        assert not mark.exists()
        return
    made = _rest_of_the_run(bench, _dispatch(bench, case, where, evil))
    assert not mark.exists()
    _is_right(bench.desk.engine, made, case)
    assert any(case.says in finding.detail or case.says in finding.path for finding in bench.found), bench.found
    assert (root / "a.txt").read_text() == "two\n" and (root / "d.own").read_text() == "also mine\n"


PLAIN = [pytest.param(case, "tree", id=name) for name, case in CASES.items() if case.plain]


@pytest.mark.parametrize(("case", "where"), PLAIN)
def test_plain_git_does_run_it(root: Path, bench_of: Open, evil: Path, case: Case, where: Where) -> None:
    bench = bench_of(where == "in-place")
    bench.prepare(bench.head)
    at = _field(bench, evil, where)
    git(at.tree, "branch", "side", "HEAD~1")
    _side_commit(at.tree)
    (at.tree / "a.txt").write_text("two\n")
    case.plant(at)
    for command in case.plain:
        if "merge" in command:
            git(at.tree, "checkout", "-q", "-f", "HEAD", "--", "a.txt")
        git(at.tree, *command.split(), check=False)
    assert at.mark.exists()


def _side_commit(tree: Path) -> None:
    """A branch `side` that changes what the head changes too, and a tag on a commit that claims a signature."""
    run = ["git", "-c", "core.hooksPath=/dev/null"]

    def out(*arguments: str, given: str | None = None) -> str:
        done = subprocess.run([*run, *arguments], cwd=tree, input=given, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    blob = out("hash-object", "-w", "--stdin", given="side\n")
    listing = [line for line in out("ls-tree", "HEAD").splitlines() if not line.endswith("\ta.txt")]
    made = out("mktree", given="\n".join([*listing, f"100644 blob {blob}\ta.txt"]) + "\n")
    out("update-ref", "refs/heads/side", out("commit-tree", made, "-p", "HEAD~1", "-m", "side"))
    head, _, message = out("cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    signed = out("hash-object", "-w", "-t", "commit", "--stdin", given=f"{head}\n{signature}\n\n{message}\n")
    out("update-ref", "refs/tags/signed", signed)


def test_a_filter_of_the_machine_stays_the_users_when_an_agent_writes_it_into_his_file(
    root: Path, bench_of: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`git lfs install --system` by the package, `git lfs install` by the agent."""
    lfs = '[filter "big"]\n\tclean = tr a-z A-Z\n\trequired = true\n'
    (tmp_path / "system").write_text(lfs)
    monkeypatch.delenv("GIT_CONFIG_NOSYSTEM", raising=False)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "system"))
    bench = bench_of(False)
    bench.prepare(bench.head)
    bench.do(bench.desk.watch, "dispatch-1-1")
    with (Path(os.environ["HOME"]) / ".gitconfig").open("a") as file:
        file.write(lfs)
    start_tree = bench.desk.repository.tree_of(bench.head)
    bench.do(bench.desk.planted, "dispatch-1-1", start_tree, start_tree, bench.copies)
    later = open_engine(open_repository(root))
    assert later.git("config", "--get", "filter.big.clean").out.endswith("; tr a-z A-Z\n")
