"""What an agent planted in git's configuration: settings, hooks and files by which git would run a program.

Our own git reads none of it. It is named all the same, since the user's git in the user's checkout may read it. Pure:
the contents before and after a dispatch come in, findings go out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from superteam.core.finding import Finding

Role = Literal["repository", "settings", "hook", "attributes", "objects", "history", "sparse", "link"]
Setting = tuple[str, str]
LIMIT = 50  # findings of one dispatch
_SHOWN = 120  # characters of a value


class Place(NamedTuple):
    """A file that decides what git runs or reads: what it is for git, and its path as people are shown it."""

    role: Role
    path: str


# -- settings


_HEADER = re.compile(r'\[[ \t]*([A-Za-z0-9.-]{1,200})[ \t]*(?:"((?:[^"\\\n]|\\.){0,2000})"[ \t]*)?\]')
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,200})[ \t]*(=?)")
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", "\n": ""}


def settings_in(text: str) -> list[Setting]:
    """The settings of a git configuration file, key and value; keys as `git config --list` has them.

    A line that is no setting is passed over: git itself refuses the whole file for it.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found: list[Setting] = []
    section, at = "", 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif header := _HEADER.match(text, at):
            section = header[1].lower() + (f".{_unescaped(header[2])}" if header[2] is not None else "")
            at = header.end()
        elif section and (key := _KEY.match(text, at)):
            value, at = _value(text, key.end()) if key[2] else ("true", key.end())
            found.append((f"{section}.{key[1].lower()}", value))
        else:
            at = _line_end(text, at)
    return found


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _value(text: str, at: int) -> tuple[str, int]:
    """A value without its quotes and what stands behind a comment sign, and where it ends."""
    found: list[str] = []
    spaces: list[str] = []
    quoted = False
    while at < len(text) and text[at] != "\n":
        sign = text[at]
        at += 1
        if sign.isspace() and not quoted:
            spaces += [sign] if found else []
            continue
        if sign in "#;" and not quoted:
            return "".join(found), _line_end(text, at)
        found += spaces
        spaces = []
        if sign == '"':
            quoted = not quoted
        elif sign == "\\":
            escaped = text[at : at + 1]
            found.append(_ESCAPES.get(escaped, escaped))
            at += 1
        else:
            found.append(sign)
    return "".join(found), at


_RULES: Mapping[str, tuple[str, ...]] = {
    "git runs it as a program": (
        r"core\.(fsmonitor|sshcommand|askpass|editor|pager|gitproxy|alternaterefscommand)",
        r"filter\..+\.(clean|smudge|process|required)|diff\.external|diff\..+\.(command|textconv)|merge\..+\.driver",
        r"(diff|merge|gui)tool\..+\.(cmd|path)|(browser|man|web)\..+\.(cmd|path)|sequence\.editor|pager\..+",
        r"trailer\..+\.(cmd|command)|credential\.(.+\.)?helper|alias\..+|tar\..+\.command|sendemail\..+",
        r"gpg\.(.+\.)?(program|defaultkeycommand)|interactive\.difffilter|instaweb\..+|imap\.tunnel",
    ),
    "git then runs a signing program": (
        r"(commit|tag|push)\.gpgsign|log\.showsignature|merge\.verifysignatures|user\.signingkey",
    ),
    "git takes hooks from there": (r"core\.hookspath|hook\..+|init\.templatedir",),
    "git reads further settings from there": (r"include\.path|includeif\..+\.path",),
    "it leads git elsewhere": (
        r"core\.(worktree|attributesfile|excludesfile)|extensions\.(?!objectformat|refstorage).+",
        r"url\..+\.(insteadof|pushinsteadof)|remote\..+\.(uploadpack|receivepack|vcs|proxy|promisor)",
    ),
    "it changes whom git talks to": (
        r"protocol\..+|uploadpack\..+|ssh\.variant|http\.(.+\.)?(proxy|sslverify|curloptresolve)",
    ),
    "files of a commit are then left out": (r"core\.sparsecheckout(cone)?",),
}
_PLANTED = tuple((re.compile("|".join(patterns)), words) for words, patterns in _RULES.items())


def why_planted(key: str, value: str) -> str | None:
    """Why this setting is a finding, in words; None for what git and people write every day."""
    if re.fullmatch(r"remote\..+\.(url|pushurl)", key):
        return "it leads git to a program" if "::" in value or value.startswith("-") else None
    if re.fullmatch(r"submodule\..+\.update", key):
        return "git runs it as a program" if value.startswith("!") else None
    if key == "core.bare":
        return "it leads git elsewhere" if value.lower() in ("true", "yes", "on", "1") else None
    return next((words for pattern, words in _PLANTED if pattern.fullmatch(key)), None)


def new_settings(before: bytes, after: bytes) -> list[Setting]:
    """The settings that a configuration file has now and did not have before."""
    had = Counter(settings_in(_text(before)))
    return list((Counter(settings_in(_text(after))) - had).elements())


def without_spaces(setting: Setting) -> Setting:
    """The setting as it is compared: versions of git differ in which spaces of a value they keep."""
    return setting[0], "".join(setting[1].split())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


# -- findings


_WORDS: Mapping[Role, str] = {
    "repository": "the repository itself was {}",
    "hook": "a hook was {}",
    "attributes": "git's own attributes were {}: they can name filters and drivers",
    "objects": "the list of further object stores was {}",
    "history": "a replacement of commits was {}: git then shows another history",
    "sparse": "the list of files that a checkout leaves out was {}",
    "link": "what leads to the repository's shared part was {}",
}


def planted(before: Mapping[Place, bytes], after: Mapping[Place, bytes]) -> tuple[Finding, ...]:
    """What was planted between two looks at a configuration; contents by place, a missing file is missing here too."""
    found: list[Finding] = []
    for place in sorted(before.keys() | after.keys()):
        old, new = before.get(place), after.get(place)
        if old == new:
            continue
        if place.role == "settings":
            found += _settings(place.path, old or b"", new or b"")
        elif new is None and place.role not in ("hook", "repository"):
            continue  # what is gone runs nothing
        else:
            done = "added" if old is None else "removed" if new is None else "changed"
            found.append(git_planted(place.path, _WORDS[place.role].format(done)))
    return capped(found)


def _settings(path: str, old: bytes, new: bytes) -> Iterator[Finding]:
    for key, value in dict.fromkeys(new_settings(old, new)):
        words = why_planted(key, value)
        if words:
            yield git_planted(path, f"{key} was set, {words}: {value[:_SHOWN]}")


def capped(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings without repetition, and of very many only the first."""
    unique = tuple(dict.fromkeys(found))
    if len(unique) <= LIMIT:
        return unique
    return (*unique[:LIMIT], Finding(kind="more", path="", detail=f"{len(unique) - LIMIT} more things were planted"))


def git_planted(path: str, detail: str) -> Finding:
    """A finding of this kind; its texts are made harmless."""
    shown = path.encode("utf-8", "backslashreplace").decode()
    return Finding(kind="git-planted", path=shown, detail="".join(c if c.isprintable() else "?" for c in detail))


# -- attributes in the tree


_DRIVER = re.compile(r"(?:^|[ \t])(filter|diff|merge)=([^ \t]{1,200})")
_DIFF = (
    "ada bash bibtex cpp csharp css dts elixir fortran fountain golang html ini java kotlin markdown matlab objc pascal"
    " perl php python r ruby rust scheme tex"
)
_BUILT_IN = {"diff": frozenset(_DIFF.split()), "merge": frozenset({"text", "binary", "union"})}


def drivers_named(path: str, before: bytes, after: bytes, known: frozenset[str]) -> tuple[Finding, ...]:
    """Drivers that new lines of an attributes file name, and that neither git nor the user's settings know."""
    old = set(_text(before).splitlines())
    found = []
    for number, line in enumerate(_text(after).splitlines(), 1):
        if line in old or line.lstrip().startswith("#"):
            continue
        for kind, name in _DRIVER.findall(line[:4000]):
            if name not in known and name not in _BUILT_IN.get(kind, ()):
                words = f"names the {kind} driver {name}, which is not configured"
                found.append(git_planted(path, words).model_copy(update={"line": number}))
    return capped(found)
