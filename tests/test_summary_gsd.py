"""The summary of a GSD plan: from the document, the run and a person's decision to the place the document names."""

from __future__ import annotations

import yaml
from playground import Repo, script

FOLDER = ".planning/phases/04-reruns"
PLAN = """\
---
phase: 04-reruns
plan: 02
type: execute
wave: 1
depends_on: ["04-01"]
requirements: [RELY-07]
autonomous: false
must_haves:
  truths: ["It feels fast"]
  artifacts:
    - path: a.py
      provides: the answer
      contains: "X"
---
<objective>
Keep the answer.
</objective>
<tasks>
<task type="auto">
  <name>Task 1: make a</name>
  <files>a.py</files>
  <action>Write X into a.py</action>
  <verify><automated>test -f a.py</automated></verify>
  <done>It is there</done>
</task>
<task type="checkpoint:decision" gate="blocking">
  <decision>Which one?</decision>
  <context>There are two.</context>
  <options>
    <option id="one"><name>The first</name><pros>here</pros><cons>old</cons></option>
    <option id="two"><name>The second</name><pros>new</pros><cons>far</cons></option>
  </options>
  <resume-signal>Say which</resume-signal>
</task>
</tasks>
<verification>
- [ ] `grep -q X a.py`
</verification>
<output>
After completion, create `.planning/phases/04-reruns/04-02-SUMMARY.md`
</output>
"""


def test_a_gsd_plan_gets_its_summary_beside_it(repo: Repo) -> None:
    agent = script({"task": "1", "write": {"a.py": "X = 42\n"}, "result": {"summary": "Made a."}})
    repo.commit({f"{FOLDER}/04-02-PLAN.md": PLAN, "agent.toml": agent}, "plan")
    assert repo.superteam("execute", f"{FOLDER}/04-02-PLAN.md").code == 4
    assert repo.superteam("answer", "one", "--note", "it is here").code == 0
    done = repo.superteam("resume")
    assert done.code == 0, done.err

    assert f"\nsummary: {FOLDER}/04-02-SUMMARY.md (not committed)\n" in done.out
    assert repo.git("status", "--porcelain") == f"?? {FOLDER}/04-02-SUMMARY.md"
    text = (repo.root / FOLDER / "04-02-SUMMARY.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    assert (head["phase"], head["plan"], head["requires"]) == ("04-reruns", "02", [{"phase": "04-01"}])
    assert head["provides"] == ["the answer"] and head["requirements-completed"] == ["RELY-07"]
    assert head["key-decisions"] == ["Task 2, Which one?: one (The first), note: it is here"]
    assert "- [x] task 1: gate `test -f a.py` succeeded\n" in text
    assert "- [x] task verification: verification `grep -q X a.py` succeeded\n" in text
    assert "- passed: the answer\n" in text and "- unverified: It feels fast (no machine can check it)\n" in text
