"""Assertions that a change takes away, weakens or keeps from failing, and changes that only look like it."""

from __future__ import annotations

import pytest

from superteam.core.assertions import hidden_tests
from superteam.core.changes import Change
from superteam.core.finding import Finding
from superteam.core.integrity import examine

PY, JS, GO, JAVA, RB = "tests/test_a.py", "test/a.test.js", "a_test.go", "src/test/java/ATest.java", "spec/a_spec.rb"
ASSERT = "    assert price(2, 3) == 9"
CHECK = "  assert.strictEqual(price(2, 3), 9)"


def replaced(path: str, old: str, new: str) -> Change:
    """A file in which some lines gave way to others, in one place."""
    added = tuple(enumerate(new.split("\n"), 7)) if new else ()
    removed = tuple(enumerate(old.split("\n"), 7)) if old else ()
    return Change(path, None, added, removed, "modified")


def about(change: Change) -> list[Finding]:
    """The findings about assertions, in a task that declares its test files."""
    found = examine([change], ("tests/", "test/", "spec/", "src/", "a_test.go", "lib/"), "")
    return [f for f in found if f.kind in ("assertion-changed", "assertions-removed")]


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (PY, ASSERT, "    assert price(2, 3) is not None", "weakened"),
        (PY, ASSERT, "    assert price(2, 3) > 0", "weakened"),
        (PY, ASSERT, "    assert price(2, 3)", "weakened"),
        (PY, ASSERT, "    assert price(2, 3) == 9 or not price(1, 1)", "weakened by `or`"),
        (PY, ASSERT, "    assert isinstance(price(2, 3), int)", "weakened"),
        (PY, ASSERT, "    assert price(2, 3) == ANY", "weakened"),
        (PY, ASSERT, "    if price is None:\n        assert price(2, 3) == 9", "conditional"),
        (PY, ASSERT, "    if False:\n        assert price(2, 3) == 9", "conditional"),
        (PY, ASSERT, "    try:\n        assert price(2, 3) == 9\n    except AssertionError:\n        pass", "seen"),
        (PY, ASSERT, "    with suppress(AssertionError):\n        assert price(2, 3) == 9", "seen"),
        (PY, ASSERT, f"    return\n{ASSERT}", "may end before"),
        (PY, "", "    return", "may end before"),
        (PY, ASSERT, "    Thread(target=lambda: exec('assert price(2, 3) == 9', globals())).start()", "seen"),
        (PY, ASSERT, "    assert total([]) == 0", "something else"),
        (PY, ASSERT, "    price(2, 3)", "removed"),
        (PY, "    self.assertEqual(price(2, 3), 9)", "    self.assertTrue(price(2, 3), 9)", "weakened"),
        (PY, "    self.assertIn(3, all)", "    self.assertIsNotNone(all)", "weakened"),
        (PY, "    with pytest.raises(ValueError):", "    with pytest.raises(Exception):", "more exceptions"),
        (PY, "    with raises(KeyError):", "    with raises((KeyError, TypeError)):", "more exceptions"),
        (PY, "    with raises(A, match='b'):", "    with raises(A):", "more exceptions"),
        (PY, "    assert x == approx(3, abs=0.01)", "    assert x == approx(3, abs=5)", "tolerance"),
        (PY, "    self.assertAlmostEqual(x, 3, places=7)", "    self.assertAlmostEqual(x, 3, places=0)", "tolerance"),
        (JS, CHECK, "  assert.ok(price(2, 3), 9)", "weakened"),
        (JS, CHECK, "  setTimeout(() => assert.strictEqual(price(2, 3), 9), 5).unref()", "seen"),
        (JS, CHECK, "  if (process.env.X) assert.strictEqual(price(2, 3), 9)", "conditional"),
        (JS, "  await expect(f()).resolves.toBe(1)", "  expect(f()).resolves.toBe(1)", "not awaited"),
        (JS, "  expect(x).toBe(3)", "  expect(x).toBeDefined()", "weakened"),
        (JS, "  expect(x).toBeCloseTo(3.1, 5)", "  expect(x).toBeCloseTo(3.1, 0)", "tolerance"),
        (JS, "", "  } catch {", "may not see"),
        (GO, "\trequire.Equal(t, 3, total)", "\trequire.NotNil(t, total)", "weakened"),
        (JAVA, "assertEquals(3, total);", "assertNotNull(total);", "weakened"),
        (RB, "  expect(total).to eq 3", "  expect(total).not_to be_nil", "weakened"),
        ("src/checks.py", "    assert got == want", "    assert got", "weakened"),
        ("lib/check.js", "  assert.strictEqual(got, want)", "  console.log(got, want)", "removed"),
    ],
)
def test_an_assertion_that_got_weaker_is_shown_with_both_lines(path: str, old: str, new: str, words: str) -> None:
    found = about(replaced(path, old, new))
    assert any(words in f.detail and f.rank == 2 for f in found), found


@pytest.mark.parametrize(
    ("path", "old", "new", "rank"),
    [
        (PY, ASSERT, "    assert price(2, 3) == 6", 3),
        (PY, "def test_a():", "def test_a(monkeypatch):\n    monkeypatch.setattr('a.price', lambda: 9)", 3),
        ("tests/__snapshots__/test_a.ambr", "  9", "  6", 3),
        ("tests/golden/a.json", '{"price": 9}', '{"price": 6}', 3),
        (PY, ASSERT, "    assert cost(2, 3) == 9", 4),
        (PY, "CASES = [(1, 1, 3), (2, 3, 9)]", "CASES = [(1, 3, 9)]", 5),
    ],
)
def test_another_expectation_is_shown_below_weaker_assertions(path: str, old: str, new: str, rank: int) -> None:
    assert [f.rank for f in about(replaced(path, old, new))] == [rank]


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (PY, ASSERT, "    assert 9 == price(2, 3)"),
        (PY, ASSERT, "    assert price(2,  3) == 9  # nine"),
        (PY, "    self.assertEqual(price(2, 3), 9)", ASSERT),
        (PY, "    assert price(2, 3)", ASSERT.replace("== 9", "")),
        (PY, ASSERT, "    for _ in range(1):\n        assert price(2, 3) == 9"),
        (PY, ASSERT, f"    x = 1\n{ASSERT}\n    assert x == 1"),
        (PY, "def test_a():", "def test_b():"),
        (PY, "", "def helper(x):\n    if x:\n        return\n    print(x)"),
        (PY, "    # assert a == 3", "    # assert b"),
        (JS, "  expect(x).toBe(3);", "  expect(x).toEqual(3)"),
        ("src/auth.py", "    verify(token)", "    check(token)"),
        ("docs/a.md", "assert a == 3", "assert a"),
    ],
)
def test_another_form_of_the_same_assertion_is_no_finding(path: str, old: str, new: str) -> None:
    assert about(replaced(path, old, new)) == []


def test_a_weaker_assertion_below_honest_ones_is_paired_within_its_own_hunk() -> None:
    honest = tuple((n, f"    assert total({n}) == {n}") for n in range(3, 30))
    weak = ((40, "    assert price(2, 3) is not None"),)
    change = Change(PY, None, honest + weak, ((13, ASSERT),), "modified")
    (found,) = about(change)
    assert found.line == 40 and "is not None" in found.detail


def test_an_assertion_that_moved_to_another_file_is_not_lost() -> None:
    gone = Change(PY, None, (), ((7, ASSERT),), "modified")
    come = Change("tests/test_b.py", None, ((1, "def test_b():"), (2, ASSERT)), (), "added")
    declared = ("tests/",)
    assert examine([gone, come], declared, "") == ()
    assert [f.kind for f in examine([gone], declared, "")] == ["assertions-removed"]


def test_a_second_test_of_one_name_is_said_to_hide_the_first() -> None:
    text = "def test_a():\n    pass\n\n\ndef test_a():\n    pass\n\n\nclass A:\n    def test_a(self): ...\n"
    assert list(hidden_tests(text)) == [(1, 5, "test_a")]
    change = Change(PY, None, ((5, "def test_a():"),), (), "modified")
    (found,) = examine([change], ("tests/",), "", texts={PY: text})
    assert (found.kind, found.line, found.rank) == ("added-skip", 5, 1) and "def test_a" in found.detail


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def test_a(self): ...\nclass B:\n    def test_a(self): ...\n",
        "if x:\n    def test_a(): ...\nelse:\n    def test_a(): ...\n",
        "class A:\n    class B:\n        def test_a(self): ...\n    class C:\n        def test_a(self): ...\n",
    ],
)
def test_tests_of_two_places_hide_nothing(text: str) -> None:
    assert list(hidden_tests(text)) == []


def test_a_method_hides_an_earlier_one_of_its_class() -> None:
    text = "class A:\n    def test_a(self):\n        x = (\n            1\n        )\n\n    def test_a(self): ...\n"
    assert list(hidden_tests(text)) == [(2, 7, "test_a")]


def test_each_of_very_many_lines_is_compared_with_its_neighbours_only() -> None:
    count = 10_000
    old = "\n".join(f"    assert total_{n} == {n}" for n in range(count))
    found = about(replaced(PY, old, old.replace("==", "<=")))
    assert len(found) == 11 and f"in {count - 10} more places" in found[-1].detail
