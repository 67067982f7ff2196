"""State outside of the tree that can decide what a suite says: the rules that find it by name.

A product that keeps results in `~/.cache/shop` is right on every machine where an earlier run, or an agent, has left
right ones there. What is in a user's folders is taken for such state if it carries a name of the project, or if code of
the tree that speaks of that folder names it. Texts and names are hostile: all patterns here are linear.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from superteam.core.deciders import role_of

_HOME_WORDS = ("HOME", "home(", "homedir", "home_dir", "HomeDir", "expanduser", "expand_path", "Dir.home", "~/")
_PASSWD_WORDS = ("user.home", "getpwuid", "getpwnam", "pw_dir")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the user's in which programs keep state: `variable` names it, else it is `usual` below HOME.

    `words` stand in code that speaks of it.
    """

    variable: str
    usual: str
    words: tuple[str, ...]


HOME = Place("HOME", "", (*_HOME_WORDS, *_PASSWD_WORDS))
PLACES = (
    HOME,
    Place("XDG_CACHE_HOME", ".cache", (".cache", "XDG_CACHE", "cache_dir", "cache_path", "CacheDir")),
    Place("XDG_CONFIG_HOME", ".config", (".config", "XDG_CONFIG", "config_dir", "config_path", "ConfigDir")),
    Place("XDG_DATA_HOME", ".local/share", (".local", "XDG_DATA", "data_dir", "data_path", "DataDir")),
    Place("XDG_STATE_HOME", ".local/state", (".local", "XDG_STATE", "state_dir", "state_path")),
    Place("", "Library/Caches", ("Library", "Caches", "cache_dir", "cache_path", "CacheDir")),
    Place("", "Library/Application Support", ("Library", "data_dir", "data_path", "config_dir", "ConfigDir")),
)
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
_WORDS = tuple(dict.fromkeys((*(word for place in PLACES for word in place.words), *TEMPORARY)))

_GENERIC = frozenset(
    [
        *("api", "app", "apps", "base", "bin", "build", "client", "cmd", "common", "config", "conf"),
        *("conftest", "core", "data", "demo", "dist", "doc", "docs", "example", "examples", "helper"),
        *("helpers", "home", "index", "init", "lib", "libs", "local", "main", "manage", "misc", "module"),
        *("node", "noxfile", "package", "packages", "project", "python", "run", "script", "scripts"),
        *("server", "setup", "share", "site", "src", "task", "tasks", "test", "testing", "tests", "tool"),
        *("tools", "user", "util", "utils", "version", "web"),
    ]
)
_SHORTEST = 3
_MANIFESTS: Mapping[str, re.Pattern[str]] = {
    "pyproject.toml": re.compile(r"""^name[ \t]{0,9}=[ \t]{0,9}["']([\w.-]{1,100})["']""", re.M),
    "Cargo.toml": re.compile(r"""^name[ \t]{0,9}=[ \t]{0,9}["']([\w.-]{1,100})["']""", re.M),
    "package.json": re.compile(r'^[ \t]{0,9}"name"[ \t]{0,9}:[ \t]{0,9}"(?:@[\w.-]{1,100}/)?([\w.-]{1,100})"', re.M),
    "go.mod": re.compile(r"^module[ \t]{1,9}(?:[\w.~-]{1,100}/){0,9}([\w.~-]{1,100})$", re.M),
}
MANIFESTS = tuple(_MANIFESTS)
NEAR = 3  # lines
# What programs that everybody has keep in HOME: many projects speak of it, and keep nothing there.
EVERYBODYS = frozenset(
    [
        *(".aws", ".azure", ".bash_history", ".bash_profile", ".bashrc", ".cargo", ".claude", ".claude.json", ".codex"),
        *(".conda", ".condarc", ".docker", ".gem", ".git", ".git-credentials", ".gitconfig", ".gitignore", ".gnupg"),
        *(".gradle", ".kube", ".m2", ".netrc", ".node_repl_history", ".npm", ".npmrc", ".nvm", ".pip", ".profile"),
        *(".pydistutils.cfg", ".pyenv", ".pypirc", ".python_history", ".rustup", ".ssh", ".subversion", ".vim"),
        *(".viminfo", ".vimrc", ".vscode", ".yarn", ".yarnrc", ".zprofile", ".zsh_history", ".zshenv", ".zshrc"),
    ]
)
_TOKEN = re.compile(r"[\w.@+-]{1,200}")
_BEFORE = frozenset("\"'`/\\~")
_AFTER = frozenset("\"'`/\\ \t\r\n),;:]}&|")
_JOINED = frozenset("{$%#")  # a name goes on with a value
_CLOSED = frozenset("\"'`")
_NO_CODE = (".md", ".rst", ".adoc", ".txt", ".lock", ".svg", ".csv", ".ipynb", ".po")


@dataclass(frozen=True, slots=True)
class Named:
    """Where code names an entry; `fixed`: that code does not ask HOME where the user's folder is."""

    path: str
    line: int
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """An entry of a user's folder that can decide; `shown` is the file in it that was written last.

    `hideable`: a run can be made that does not find it. `named` is where code names it, None where only its own name
    shows whose it is.
    """

    path: str
    shown: str
    hideable: bool
    named: Named | None = None


def plain(name: str) -> str:
    """A name without what programs put between its words."""
    return re.sub(r"[-_.]", "", name).lower()


def project_names(tree: str, modules: Iterable[str], manifests: Mapping[str, str]) -> frozenset[str]:
    """The names by which a project's state is known: of its folder, of its packages, and those its manifests give."""
    given = [tree]
    for file, text in manifests.items():
        found = _MANIFESTS[file].search(text)
        given += [found[1]] if found else []
    names = {plain(name) for name in (*modules, *given)}
    return frozenset(name for name in names if len(name) >= _SHORTEST and name not in _GENERIC)


def carries(entry: str, names: Collection[str]) -> bool:
    """Whether the name of an entry begins with one of the project's: `.shop`, `shop-memo.json`, `.shoprc`."""
    words = [word for word in re.split(r"[-_. ]", entry.lower()) if word]
    begun = {"".join(words[:count]) for count in range(1, len(words) + 1)}
    begun |= {word.removesuffix("rc") for word in begun}
    return not begun.isdisjoint(names)


def words_of(home: str) -> tuple[str, ...]:
    """What stands in code that speaks of a user's folders or of temporary ones."""
    return (*_WORDS, *_literal(home))


def _literal(home: str) -> tuple[str, ...]:
    """The user's folder itself, where code can name it."""
    return (f"{home}/",) if home.strip("/") else ()


def is_code(path: str) -> bool:
    """Whether a tracked file can tell the product where to look.

    Documents and what begins with a dot do not; tests name entries of a HOME that they have made themselves.
    """
    if path.startswith(".") or "/." in path or path.lower().endswith(_NO_CODE):
        return False
    return role_of(path, lambda _: False) in ("other", "partly")


class Text:
    """What a file of code names; `home` is the user's folder."""

    def __init__(self, path: str, text: str, home: str) -> None:
        self.path = path
        self.text = text
        self.home = home
        self.whole: dict[str, int] = {}
        self.begun: dict[str, int] = {}
        asks_others = self.speaks_of(_PASSWD_WORDS) and not self.speaks_of(_HOME_WORDS)
        self.fixed = asks_others or self.speaks_of(_literal(home))
        for found in _TOKEN.finditer(text):
            before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
            if before and before not in _BEFORE:
                continue
            name = found[0]
            if not after or after in _AFTER:
                self.whole.setdefault(name, found.start())
            if after in _JOINED or (after in _CLOSED and name[-1] in "-_."):
                self.begun.setdefault(name, found.start())

    def speaks_of(self, words: Iterable[str]) -> bool:
        """Whether the code speaks of a folder."""
        return any(word in self.text for word in words)

    def near(self, words: Collection[str], after: int) -> Text:
        """The same file with those of its lines only that hold one of the words, or come right after one that does."""
        lines = self.text.split("\n")
        holding = [number for number, line in enumerate(lines) if any(word in line for word in words)]
        kept = {number + more for number in holding for more in range(after + 1)}
        return Text(self.path, "\n".join(line if at in kept else "" for at, line in enumerate(lines)), self.home)

    def named_at(self, place: int) -> Named:
        """Where in the file that is."""
        return Named(self.path, self.text.count("\n", 0, place) + 1, self.fixed)


class Names:
    """What code names of a folder, by all the texts that speak of it; with `near` only that many lines further."""

    def __init__(self, texts: Iterable[Text], words: Collection[str], near: int | None = None) -> None:
        self.whole: dict[str, tuple[Text, int]] = {}
        self.begun: dict[str, tuple[Text, int]] = {}
        for text in texts:
            if text.speaks_of(words):
                text = text if near is None else text.near(words, near)
                self.whole = {**{name: (text, at) for name, at in text.whole.items()}, **self.whole}
                self.begun = {**{name: (text, at) for name, at in text.begun.items()}, **self.begun}

    def find(self, entry: str) -> Named | None:
        """Where an entry is named, whole or by what its name begins with."""
        found = self.whole.get(entry)
        for begun in _beginnings(entry) if found is None else ():
            found = found or self.begun.get(begun)
        return found[0].named_at(found[1]) if found else None


def _beginnings(entry: str) -> list[str]:
    """What a name that is put together can begin with: it is cut before and after each mark between its words."""
    cuts = {place for at, char in enumerate(entry) if char in "-_." for place in (at, at + 1)}
    return [entry[:cut] for cut in sorted(cuts, reverse=True) if _SHORTEST <= cut < len(entry)]
