"""Maven's Surefire and Gradle as Debian packages them: offline, JUnit 4; a run takes seconds, so there are few."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.frameworks

_MAVEN = Path("/usr/share/maven-repo/org/apache/maven/plugins/maven-surefire-plugin")
MAVEN = "mvn -o -q -B -Dmaven.repo.local=/usr/share/maven-repo test"
GRADLE = "gradle --offline --no-daemon test"
POM = """<project><modelVersion>4.0.0</modelVersion><groupId>g</groupId><artifactId>a</artifactId><version>1</version>
<properties><maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>
<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties><dependencies><dependency>
<groupId>junit</groupId><artifactId>junit</artifactId><version>4.x</version><scope>test</scope></dependency></dependencies>
</project>"""
BUILD = """apply plugin: 'java'
repositories { flatDir { dirs '/usr/share/java' } }
dependencies { testCompile name: 'junit4'; testCompile name: 'hamcrest-core' }
"""
HEAD = "package demo; import org.junit.*; import org.junit.runner.RunWith; import org.junit.runners.Parameterized;\n"
A = (
    HEAD
    + """public class ATest {
  @Test public void passes() { System.out.println("<testcase name='fake'/>"); }
  @Test public void fails() { Assert.assertEquals(1, 2); }
  @Test public void errors() { throw new RuntimeException("boom"); }
  @Ignore("why") @Test public void ignored() { }
  @Test(timeout=50) public void slow() throws Exception { Thread.sleep(500); }
}"""
)
B = (
    HEAD
    + """@RunWith(Parameterized.class) public class BTest {
  @Parameterized.Parameters(name="{0} #,+[x] (y)") public static Object[] data() { return new Object[] {1, 2}; }
  int x; public BTest(int x) { this.x = x; }
  @Test public void odd() { Assert.assertEquals(1, x % 2); }
  @Test public void oddity() { Assert.fail(); }
}"""
)
EXITS = HEAD + "public class XTest { @Test public void exits() { System.exit(0); } @Test public void b() { } }"
SETUP = (
    HEAD
    + 'public class XTest { @BeforeClass public static void s() { throw new Error("x"); } @Test public void b() { } }'
)
BROKEN = HEAD + "public class XTest { this is no Java }"
FOLDER = "src/test/java/demo"

Run = Callable[..., Any]


@pytest.fixture(params=["maven", "gradle"])
def run(request: Any, suite: Any, need: Callable[[str], str], tmp_path: Path) -> Run:
    maven = request.param == "maven"
    need("mvn" if maven else "gradle")
    if maven and not _MAVEN.is_dir():
        pytest.skip("Surefire is not installed: apt-get install maven-debian-helper junit4")

    def jvm(classes: dict[str, str] | None, **more: Any) -> Any:
        build = {"pom.xml": POM} if maven else {"build.gradle": BUILD}
        files = None if classes is None else build | {f"{FOLDER}/{name}.java": text for name, text in classes.items()}
        return suite(files, MAVEN if maven else GRADLE, env={"GRADLE_USER_HOME": str(tmp_path / "gradle")}, **more)

    return jvm


def test_outcomes_and_exact_selection(run: Run) -> None:
    found = run({"ATest": A, "BTest": B})
    assert found.verdict.verdict == "fail", found.verdict
    outcomes = {id: test.outcome.value for id, test in found.report.tests.items()}
    assert outcomes.pop("demo.ATest::errors") in ("errored", "failed")  # Gradle folds them
    assert outcomes == {
        "demo.ATest::passes": "passed",
        "demo.ATest::fails": "failed",
        "demo.ATest::ignored": "skipped",
        "demo.ATest::slow": "timed-out",
        "demo.BTest::odd[1 #,+[x] (y)]": "passed",
        "demo.BTest::odd[2 #,+[x] (y)]": "failed",
        "demo.BTest::oddity[1 #,+[x] (y)]": "failed",
        "demo.BTest::oddity[2 #,+[x] (y)]": "failed",
    }
    alone = run(None, only=["demo.ATest::passes"])  # stale files of the run before are there
    assert (alone.report.tests.keys(), alone.verdict.verdict) == ({"demo.ATest::passes"}, "pass"), alone.verdict
    assert alone.verdict.reason is None
    pair = {"demo.ATest::fails", "demo.BTest::odd[1 #,+[x] (y)]"}
    both = run(None, only=pair)
    assert (both.report.tests.keys(), both.verdict.verdict) == (pair, "fail"), both.verdict
    assert run(None, only=["demo.ATest::gone"]).verdict.verdict == "inconclusive"


@pytest.mark.parametrize(("body", "verdict"), [(EXITS, "inconclusive"), (SETUP, "fail"), (BROKEN, "inconclusive")])
def test_nothing_that_is_broken_passes(run: Run, body: str, verdict: str) -> None:
    assert run({"ATest": A.replace("1, 2", "1, 1"), "XTest": body}).verdict.verdict == verdict
