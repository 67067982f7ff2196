"""Rust: cargo, nextest, rustfmt, clippy."""

from __future__ import annotations

from collections.abc import Iterator

from superteam.app.discovery.facts import Candidate, Facts, first, table, tables

NAME = "Rust"
MANIFESTS = ("Cargo.toml", "Cargo.lock", "rustfmt.toml", ".rustfmt.toml", "clippy.toml", ".clippy.toml")
SUFFIXES = (".rs",)

NEXTEST = ".config/nextest.toml"


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What Cargo.toml says."""
    if "Cargo.toml" not in facts.files:
        return
    cargo = table(facts, "Cargo.toml")
    whole = " --workspace" if "workspace" in cargo and "package" in cargo else ""
    if NEXTEST in facts.files:
        yield Candidate("test", f"cargo nextest run{whole}", NEXTEST, "sure", "cargo-nextest", NAME)
    why = "Cargo.toml has [workspace]" if whole or "workspace" in cargo else "Cargo.toml"
    yield Candidate("test", f"cargo test{whole}", why, "sure", "cargo", NAME)
    style = first(facts, ("rustfmt.toml", ".rustfmt.toml"))
    yield Candidate(
        "gate", "cargo fmt --all --check", style or "Cargo.toml", "sure" if style else "guess", "cargo", NAME
    )
    lints = first(facts, ("clippy.toml", ".clippy.toml"))
    if not lints and (tables(cargo, "lints", "clippy") or tables(cargo, "workspace", "lints", "clippy")):
        lints = "Cargo.toml has clippy's lints"
    command = f"cargo clippy{whole} --all-targets -- -D warnings"
    yield Candidate("gate", command, lints or "Cargo.toml", "sure" if lints else "guess", "cargo", NAME)
