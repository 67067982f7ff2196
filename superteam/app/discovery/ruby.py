"""Ruby: RSpec, minitest, Rails, rake; bundler; RuboCop, standard, Sorbet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from superteam.app.discovery.facts import Candidate, Confidence, Facts, first, matching, text

NAME = "Ruby"
MANIFESTS = ("Gemfile", "Gemfile.lock", "Rakefile", ".rspec", ".rubocop.yml", ".standard.yml", "sorbet/config",
             "bin/rails", "gems.rb")  # fmt: skip
SUFFIXES = (".rb",)

_TEST_TASK = re.compile(
    r"TestTask|^[ \t]{0,8}task[ \t(]{1,4}:test\b|^[ \t]{0,8}task[ \t(]{1,4}['\"]?test\b", re.MULTILINE
)


def candidates(facts: Facts) -> Iterator[Candidate]:
    """What Gemfile, Rakefile and the folders of tests say."""
    if not first(facts, MANIFESTS) and not matching(facts, "*.gemspec", 1):
        return
    gems = first(facts, ("Gemfile", "gems.rb"))
    call, needs = ("bundle exec ", "bundle") if gems else ("", None)
    for command, why, sure in _tests(facts):
        yield Candidate("test", command if command.startswith("bin/") else call + command, why, sure, needs, NAME)
    for command, file in (("rubocop", ".rubocop.yml"), ("standardrb", ".standard.yml"), ("srb tc", "sorbet/config")):
        if file in facts.files:
            yield Candidate("gate", call + command, file, "sure", needs, NAME)
    if gems:
        yield Candidate("setup", "bundle install", gems, "sure", "bundle", NAME)


def _tests(facts: Facts) -> Iterator[tuple[str, str, Confidence]]:
    listed = text(facts, "Gemfile") + text(facts, "Gemfile.lock")
    specs = matching(facts, "*_spec.rb", 1)
    if ".rspec" in facts.files or (specs and "rspec" in listed):
        yield "rspec", ".rspec" if ".rspec" in facts.files else f"{specs[0]}, and the Gemfile has rspec", "sure"
    elif specs:
        yield "rspec", specs[0], "likely"
    tests = [
        *matching(facts, "test/**/*_test.rb", 1),
        *matching(facts, "test/*_test.rb", 1),
        *matching(facts, "test_*.rb", 1),
    ]
    if tests and "bin/rails" in facts.files:
        yield "bin/rails test", f"bin/rails and {tests[0]}", "sure"
    elif _TEST_TASK.search(text(facts, "Rakefile")):
        yield "rake test", "Rakefile has a test task", "sure" if tests else "likely"
    elif tests:
        load = "Dir.glob(%q(./test/**/*{_test.rb,test_*.rb})).sort.each { |f| require f }"
        yield f"ruby -Ilib -Itest -e '{load}'", f"{tests[0]}, and no Rakefile that runs it", "guess"
