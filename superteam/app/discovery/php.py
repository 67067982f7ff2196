"""PHP: the scripts of composer.json, PHPUnit, Pest; PHPStan, Psalm, PHP-CS-Fixer, PHP_CodeSniffer, Pint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from superteam.app.discovery.facts import Candidate, Facts, first, table, tables

NAME = "PHP"
MANIFESTS = (
    "composer.json", "composer.lock", "phpunit.xml", "phpunit.xml.dist", "phpunit.dist.xml", "phpstan.neon",
    "phpstan.neon.dist", "phpstan.dist.neon", "psalm.xml", "psalm.xml.dist", ".php-cs-fixer.php",
    ".php-cs-fixer.dist.php", "phpcs.xml", "phpcs.xml.dist", ".phpcs.xml", "pint.json",
)  # fmt: skip
SUFFIXES = (".php",)

_GATES = (
    ("vendor/bin/phpstan analyse --no-progress", MANIFESTS[5:8]),
    ("vendor/bin/psalm --no-progress", MANIFESTS[8:10]),
    ("vendor/bin/php-cs-fixer fix --dry-run --diff", MANIFESTS[10:12]),
    ("vendor/bin/phpcs", MANIFESTS[12:15]),
    ("vendor/bin/pint --test", MANIFESTS[15:]),
)


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What composer.json and the configurations of the tools say."""
    if not first(facts, MANIFESTS[:5]):
        return
    composer = table(facts, "composer.json")
    yield from _tests(facts, composer)
    for command, files in _GATES:
        file = first(facts, files)
        if file:
            yield Candidate("gate", command, file, "sure", None, NAME)
    if "composer.json" in facts.files:
        why = first(facts, ("composer.lock", "composer.json")) or ""
        yield Candidate("setup", "composer install --no-interaction", why, "sure", "composer", NAME)


def _tests(facts: Facts, composer: dict[str, Any]) -> Iterator[Candidate]:
    needed = tables(composer, "require-dev") | tables(composer, "require")
    configured = first(facts, MANIFESTS[2:5])
    if "pestphp/pest" in needed:
        yield Candidate("test", "vendor/bin/pest", "composer.json asks for pestphp/pest", "sure", None, NAME)
    elif configured or "phpunit/phpunit" in needed:
        why = configured or "composer.json asks for phpunit/phpunit"
        yield Candidate("test", "vendor/bin/phpunit", why, "sure", None, NAME)
    if "test" in tables(composer, "scripts"):
        yield Candidate("test", "composer test", 'composer.json has the script "test"', "likely", "composer", NAME)
