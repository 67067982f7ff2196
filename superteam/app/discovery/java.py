"""Java and Kotlin: Maven and Gradle, by their wrappers where the repository has them."""

from __future__ import annotations

from collections.abc import Iterator

from superteam.app.discovery.facts import Candidate, Facts, first, text

NAME = "Java"
MANIFESTS = ("pom.xml", "mvnw", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradlew")
SUFFIXES = (".java", ".kt", ".groovy", ".scala")


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What pom.xml or build.gradle says."""
    if "pom.xml" in facts.files:
        yield from _maven(facts)
    gradle = first(facts, MANIFESTS[2:6])
    if gradle:
        yield from _gradle(facts, gradle)


def _maven(facts: Facts) -> Iterator[Candidate]:
    own = "mvnw" in facts.files
    call, needs = ("./mvnw -B", None) if own else ("mvn -B", "mvn")
    yield Candidate("test", f"{call} test", "pom.xml and mvnw" if own else "pom.xml", "sure", needs, NAME)
    pom = text(facts, "pom.xml")
    for plugin, goal in (("spotless-maven-plugin", "spotless:check"), ("maven-checkstyle-plugin", "checkstyle:check")):
        if plugin in pom:
            yield Candidate("gate", f"{call} -q {goal}", f"pom.xml has {plugin}", "likely", needs, NAME)


def _gradle(facts: Facts, file: str) -> Iterator[Candidate]:
    own = "gradlew" in facts.files
    call, needs = ("./gradlew", None) if own else ("gradle", "gradle")
    yield Candidate("test", f"{call} test", f"{file} and gradlew" if own else file, "sure", needs, NAME)
    script = "\n".join(text(facts, name) for name in MANIFESTS[2:4])
    for plugin, task in (("spotless", "spotlessCheck"), ("checkstyle", "checkstyleMain"), ("detekt", "detekt")):
        if plugin in script:
            yield Candidate("gate", f"{call} {task}", f"{file} has {plugin}", "likely", needs, NAME)
