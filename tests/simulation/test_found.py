"""Wrong verdicts that the simulation found, each as the smallest case that shows it."""

from __future__ import annotations

import pathlib

import judged


def test_a_new_test_that_fails_now_and_then_belongs_to_the_change_that_adds_it(tmp_path: pathlib.Path) -> None:
    """It has no reference, so that it stayed a suspect, which nothing ever settled, and the change passed."""
    sample = judged.validated("new test, unstable 0.5", 0, tmp_path / "sample")
    assert (sample.verdict, sample.named) == ("fail", True), sample.line
