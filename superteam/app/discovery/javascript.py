"""JavaScript and TypeScript: the scripts of package.json by npm, pnpm, yarn or bun; Deno."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from superteam.app.discovery.facts import Candidate, Confidence, Facts, first, matching, table, tables, text

NAME = "JavaScript"
MANIFESTS = (
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb",
    "tsconfig.json", "biome.json", "biome.jsonc", "deno.json", "deno.jsonc", "deno.lock", ".yarnrc.yml",
)  # fmt: skip
SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte")

_LOCKS = {
    "package-lock.json": "npm",
    "npm-shrinkwrap.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
}
_NO_TESTS = "no test specified"
_WATCH = re.compile(r"--watch(?!=false)(?:All)?\b|\bvitest watch\b|\bvitest dev\b")
_TESTS = ("test", "test:ci", "test:unit", "test:run", "tests", "unit", "tests-only")
_LINT = ("lint", "typecheck", "type-check", "check-types", "types", "tsc", "format:check", "check:format")
_RUNNERS = {
    "vitest": "vitest run",
    "jest": "jest",
    "mocha": "mocha",
    "ava": "ava",
    "@playwright/test": "playwright test",
}
_ESLINT = ("eslint.config.js", "eslint.config.mjs", "eslint.config.cjs", "eslint.config.ts", ".eslintrc.json",
           ".eslintrc.js", ".eslintrc.cjs", ".eslintrc.yml", ".eslintrc.yaml", ".eslintrc")  # fmt: skip
_PRETTIER = (".prettierrc", ".prettierrc.json", ".prettierrc.js", ".prettierrc.yml", ".prettierrc.yaml",
             "prettier.config.js", "prettier.config.mjs")  # fmt: skip


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What package.json and its lock file, or deno.json, say."""
    if "package.json" in facts.files:
        package = table(facts, "package.json")
        manager = _manager(facts, package)
        yield from _tests(facts, package, manager)
        yield from _gates(facts, package, manager)
        yield from _setups(facts, package, manager)
    deno = first(facts, ("deno.json", "deno.jsonc"))
    if deno:
        yield from _deno(facts, deno)


def _candidate(kind: Any, command: str, why: str, sure: Confidence = "sure", needs: str | None = None) -> Candidate:
    return Candidate(kind, command, why, sure, needs, NAME)


def _manager(facts: Facts, package: dict[str, Any]) -> str:
    """The package manager that package.json names, else that of the lock file."""
    named = str(package.get("packageManager", "")).partition("@")[0]
    if named in _LOCKS.values():
        return named
    return _LOCKS.get(first(facts, _LOCKS) or "", "npm")


def _scripts(package: dict[str, Any]) -> dict[str, str]:
    return {name: script for name, script in tables(package, "scripts").items() if isinstance(script, str)}


def _dependencies(package: dict[str, Any]) -> set[str]:
    return {name for key in ("dependencies", "devDependencies") for name in tables(package, key)}


def _run(manager: str, script: str) -> str:
    return f"{manager} test" if script == "test" and manager != "bun" else f"{manager} run {script}"


def _exec(manager: str) -> str:
    return {"pnpm": "pnpm exec", "yarn": "yarn", "bun": "bunx"}.get(manager, "npx")


# -- tests


def _tests(facts: Facts, package: dict[str, Any], manager: str) -> Iterator[Candidate]:
    scripts = _scripts(package)
    for name in _TESTS:
        script = scripts.get(name, "")
        if script and _NO_TESTS not in script[:1000]:
            yield _script(manager, name, watches=_WATCH.search(script[:1000]) is not None)
    for dependency, call in _RUNNERS.items():
        if dependency in _dependencies(package):
            told = f"package.json asks for {dependency}"
            sure: Confidence = "guess" if call.startswith("playwright") else "likely"
            yield _candidate("test", f"{_exec(manager)} {call}", told, sure, manager)
    files = [*matching(facts, "*.test.js", 1), *matching(facts, "*.test.mjs", 1), *matching(facts, "*.test.cjs", 1)]
    typed = [*files, *matching(facts, "*.test.ts", 1)]
    if manager == "bun" and typed:
        yield _candidate("test", "bun test", f"{typed[0]}, and the package manager is bun", "likely", "bun")
    elif files and not _dependencies(package) & set(_RUNNERS):
        yield _candidate("test", "node --test", f"{files[0]}, and no test framework in package.json", "guess", "node")


def _script(manager: str, name: str, watches: bool) -> Candidate:
    why = f'package.json has the script "{name}"'
    if watches:
        return _candidate("test", _run(manager, name), f"{why}, but it watches and may not end", "guess", manager)
    return _candidate("test", _run(manager, name), why, "sure" if name == "test" else "likely", manager)


# -- gates


def _gates(facts: Facts, package: dict[str, Any], manager: str) -> Iterator[Candidate]:
    scripts, needed = _scripts(package), _dependencies(package)
    for name in _LINT:
        if name in scripts:
            yield _candidate("gate", _run(manager, name), f'package.json has the script "{name}"', needs=manager)
    eslint = first(facts, _ESLINT)
    if eslint and "eslint" in needed and "lint" not in scripts:
        yield _candidate("gate", f"{_exec(manager)} eslint .", eslint, "likely", manager)
    biome = first(facts, ("biome.json", "biome.jsonc"))
    if biome and "lint" not in scripts:
        yield _candidate("gate", f"{_exec(manager)} biome ci .", biome, "likely", manager)
    if "tsconfig.json" in facts.files and "typescript" in needed and not scripts.keys() & set(_LINT[1:6]):
        yield _candidate("gate", f"{_exec(manager)} tsc --noEmit", "tsconfig.json", "likely", manager)
    prettier = first(facts, _PRETTIER)
    if prettier and "prettier" in needed and not scripts.keys() & set(_LINT[6:]):
        yield _candidate("gate", f"{_exec(manager)} prettier --check .", prettier, "guess", manager)


# -- setup


def _setups(facts: Facts, package: dict[str, Any], manager: str) -> Iterator[Candidate]:
    lock = next((name for name, owner in _LOCKS.items() if owner == manager and name in facts.files), None)
    if not lock and not _dependencies(package):
        return
    why = lock or "package.json has dependencies, and there is no lock file"
    if "node_modules" in facts.folders:
        told = f"{why}; not needed while the node_modules of your checkout are brought into each tree"
        yield _candidate("setup", _install(facts, manager, lock), told, "guess", manager)
    else:
        yield _candidate("setup", _install(facts, manager, lock), why, "sure" if lock else "likely", manager)


def _install(facts: Facts, manager: str, lock: str | None) -> str:
    """The install command that keeps to the lock file."""
    if lock is None:
        return f"{manager} install"
    modern = ".yarnrc.yml" in facts.files or "__metadata" in text(facts, "yarn.lock")[:2000]
    return {
        "npm": "npm ci",
        "pnpm": "pnpm install --frozen-lockfile",
        "yarn": "yarn install --immutable" if modern else "yarn install --frozen-lockfile",
        "bun": "bun install --frozen-lockfile",
    }[manager]


def _deno(facts: Facts, file: str) -> Iterator[Candidate]:
    tasks = tables(table(facts, file), "tasks") if file.endswith(".json") else {}
    if "test" in tasks:
        yield _candidate("test", "deno task test", f'{file} has the task "test"', needs="deno")
    yield _candidate("test", "deno test", file, "likely", "deno")
    yield _candidate("gate", "deno lint", file, "likely", "deno")
