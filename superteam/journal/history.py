"""Every execution of a suite, in `.superteam/history.sqlite`: the same tree with both outcomes proves a flake for free.

Source of the rules: shared/verdicts.md, section 4, step 8. This is evidence, not the truth: who cannot write it warns
and goes on (promise R8).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from superteam.core.results import Execution, Outcome, TestId
from superteam.errors import JournalError

if TYPE_CHECKING:
    import sqlite3

KEPT = 1_000_000
PATIENCE_S = 10.0
APPLICATION = 0x53544D48  # "STMH": a database that does not say this about itself is not ours
VERSION = 1

# Names are bytes, since an id may hold what is no valid text (lone surrogates, NUL), and each is stored once.
# A signature, be it the empty one, stands with each bad outcome and with no other.
_TABLES = """
CREATE TABLE names (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
CREATE TABLE executions (
  id INTEGER PRIMARY KEY, command INTEGER NOT NULL, environment INTEGER NOT NULL, tree TEXT NOT NULL,
  purpose TEXT NOT NULL, verdict TEXT NOT NULL, at TEXT NOT NULL, outcomes INTEGER NOT NULL);
CREATE INDEX executions_of_tree ON executions (tree, command, environment);
CREATE TABLE outcomes (
  execution INTEGER NOT NULL, test INTEGER NOT NULL, outcome TEXT NOT NULL, duration_s REAL, signature INTEGER,
  place INTEGER NOT NULL, PRIMARY KEY (execution, test)) WITHOUT ROWID;
CREATE INDEX failures ON outcomes (execution) WHERE signature IS NOT NULL;
CREATE TABLE flakes (
  command INTEGER NOT NULL, test INTEGER NOT NULL, signature INTEGER NOT NULL, tree TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (command, test, signature, tree)) WITHOUT ROWID;
"""

_FIND = "SELECT id FROM names WHERE name = ?"
_NAME = "INSERT INTO names (name) VALUES (?)"
_EXECUTION = """
INSERT INTO executions (command, environment, tree, purpose, verdict, at, outcomes) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_OUTCOME = """
INSERT INTO outcomes (execution, test, outcome, duration_s, signature, place) VALUES (?, ?, ?, ?, ?, ?)
"""

# A proof is a failure and a pass of one test in two sound executions of the same command, environment and tree. One of
# the two is always in the newest execution, or it would have been found before: `seen` pairs it with all the others.
_PROOFS = """
WITH seen (id, newest) AS (
  SELECT other.id, this.id FROM executions AS this
  JOIN executions AS other ON other.tree = this.tree AND other.command = this.command
    AND other.environment = this.environment AND other.verdict <> 'inconclusive'
  WHERE this.id = :execution AND this.verdict <> 'inconclusive')
INSERT OR REPLACE INTO flakes (command, test, signature, tree, at)
SELECT ran.command, bad.test, bad.signature, ran.tree, :at FROM seen
  CROSS JOIN outcomes AS bad INDEXED BY failures ON bad.execution = seen.id AND bad.signature IS NOT NULL
  CROSS JOIN outcomes AS good ON good.execution = seen.newest AND good.test = bad.test
  CROSS JOIN executions AS ran ON ran.id = seen.newest
  WHERE good.outcome IN ('passed', 'xpassed')
UNION
SELECT ran.command, bad.test, bad.signature, ran.tree, :at FROM executions AS ran
  CROSS JOIN outcomes AS bad INDEXED BY failures ON bad.execution = ran.id AND bad.signature IS NOT NULL
  WHERE ran.id = :execution AND EXISTS (
    SELECT 1 FROM seen CROSS JOIN outcomes AS good ON good.execution = seen.id AND good.test = bad.test
    WHERE good.outcome IN ('passed', 'xpassed'))
"""
_FLAKES = """
SELECT COALESCE(CAST(test.name AS BLOB), x''), COALESCE(CAST(signature.name AS BLOB), x''), flakes.tree FROM flakes
JOIN names AS command ON command.id = flakes.command AND command.name = ?
JOIN names AS test ON test.id = flakes.test JOIN names AS signature ON signature.id = flakes.signature
"""

_SIZE = "SELECT COALESCE(SUM(outcomes + 1), 0) FROM executions"
_FORGET = (
    """
DELETE FROM executions WHERE id IN (
  SELECT id FROM (SELECT id, SUM(outcomes + 1) OVER (ORDER BY id DESC) AS size FROM executions)
  WHERE size > :kept) AND id < (SELECT MAX(id) FROM executions)
""",
    "DELETE FROM outcomes WHERE execution < (SELECT MIN(id) FROM executions)",
    "DELETE FROM flakes WHERE at < (SELECT at FROM flakes ORDER BY at DESC LIMIT 1 OFFSET :kept)",
    """
DELETE FROM names WHERE id NOT IN (
  SELECT test FROM outcomes UNION SELECT signature FROM outcomes WHERE signature IS NOT NULL
  UNION SELECT command FROM executions UNION SELECT environment FROM executions
  UNION SELECT command FROM flakes UNION SELECT test FROM flakes UNION SELECT signature FROM flakes)
""",
)


class History:
    """The executions of one repository's suites; any number of processes and threads may use the file at once.

    The newest executions that have up to `kept` outcomes between them are kept whole (a million take about 60 MB, with
    the ids); older ones are forgotten, failures too, a quarter of that at a time. A proof of a flake is entered when
    its second half is recorded and outlives both: one row a command, test, signature and tree, of which the
    `kept` newest stay. So a pass and a failure prove nothing only if a million outcomes lie between them.
    """

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self.path = path
        self._kept = kept
        self._turn = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def record(self, execution: Execution, *, tree: str, purpose: str, at: str, environment: str) -> None:
        """Keeps what ran, whole or not at all; JournalError, and nothing else, if that cannot be done."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _insert(connection, execution, tree=tree, purpose=purpose, at=at, environment=environment)
            _forget(connection, self._kept)
            connection.execute("COMMIT")

    def known_flakes(
        self, command: str, ids: Iterable[TestId], trees: Collection[str] | None = None
    ) -> dict[TestId, frozenset[str]]:
        """Those of the tests that both failed and passed on one tree, in sound runs of the command in one environment.

        The signatures are those of the failures there: a failure with another one is not the known flake. With `trees`
        only proofs on these count: what is flaky on the tree of a change may be so because of the change.
        """
        wanted = frozenset(ids)
        if not wanted or not os.path.lexists(self.path):
            return {}
        found: dict[TestId, set[str]] = {}
        with self._opened() as connection:
            for test, signature, tree in connection.execute(_FLAKES, (_bytes(command),)):
                if trees is not None and tree not in trees:
                    continue
                found.setdefault(_text(test), set()).add(_text(signature))
        return {test: frozenset(signatures) for test, signatures in found.items() if test in wanted}

    def close(self) -> None:
        """Lets go of the file; the next call opens it again."""
        with self._turn:
            self._drop()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one caller at a time; an error drops it, and with it what was not yet committed."""
        with self._turn, _explained(self.path):
            try:
                if self._connection is None:
                    self._connection = _connect(self.path)
                yield self._connection
            except BaseException:
                self._drop()
                raise

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _insert(
    connection: sqlite3.Connection, execution: Execution, *, tree: str, purpose: str, at: str, environment: str
) -> None:
    ran = [(key, result) for key, result in execution.report.tests.items() if result.outcome is not Outcome.NOT_RUN]
    ids: dict[str, int | None] = {}
    suite = [_number(connection, ids, name) for name in (execution.command, environment)]
    facts = (*suite, tree, purpose, execution.verdict.verdict, at, len(ran))
    id = connection.execute(_EXECUTION, facts).lastrowid
    rows = []
    for place, (key, result) in enumerate(ran):
        signature = _number(connection, ids, result.signature) if result.outcome.bad else None
        rows.append((id, _number(connection, ids, key), result.outcome.value, result.duration_s, signature, place))
    connection.executemany(_OUTCOME, rows)
    connection.execute(_PROOFS, {"execution": id, "at": at})


def _number(connection: sqlite3.Connection, ids: dict[str, int | None], name: str) -> int | None:
    """The number that stands for a name, given to it when it is first seen; `ids` are those already looked up."""
    if name not in ids:
        row = connection.execute(_FIND, (_bytes(name),)).fetchone()
        ids[name] = row[0] if row else connection.execute(_NAME, (_bytes(name),)).lastrowid
    return ids[name]


def _forget(connection: sqlite3.Connection, kept: int) -> None:
    """Forgets the oldest executions once there is a quarter too much: to sweep the names costs a whole pass."""
    (size,) = connection.execute(_SIZE).fetchone()
    if size > kept + kept // 4:
        for statement in _FORGET:
            connection.execute(statement, {"kept": kept})


def _connect(path: Path) -> sqlite3.Connection:
    """A connection to a database that is ours, made if it is not there.

    The rollback journal is used, not a write-ahead log: that one fails on network folders and where nothing may be
    written, and leaves two more files behind; one short transaction a run of a suite does not need it.
    """
    import sqlite3

    if not os.path.lexists(path):
        _make(path)
    address = f"{path.absolute().as_uri()}?mode=rw"  # it must not make the file itself: it would not be private
    connection = sqlite3.connect(address, PATIENCE_S, isolation_level=None, check_same_thread=False, uri=True)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")  # the folder is within an agent's reach
        if _mark(connection) == (0, 0):
            _make_tables(connection)
        if _mark(connection) != (APPLICATION, VERSION):
            raise _foreign(path, _mark(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """An empty private file. Only a new one is ever opened here: closing one would undo all locks on it we hold."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _make_tables(connection: sqlite3.Connection) -> None:
    """Makes the tables in an empty database, unless another process was faster."""
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _mark(connection: sqlite3.Connection) -> tuple[int, int]:
    """Whose database it is, and in which version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the file becomes a JournalError that says what to do."""
    try:
        import sqlite3
    except ImportError as error:
        hint = "this Python was built without SQLite; nothing else needs it, flakes are just not remembered"
        raise JournalError(f"the history {path} cannot be used: {error}", hint) from error
    try:
        yield
    except sqlite3.Error as error:
        raise _broken(path, error) from error
    except OSError as error:
        raise JournalError(
            f"the history {path} cannot be opened: {error.strerror or error}", _make_room(path)
        ) from error
    except (ValueError, OverflowError) as error:
        raise JournalError(f"the history {path} cannot be used: {error}", _move(path)) from error


def _broken(path: Path, error: sqlite3.Error) -> JournalError:
    """What an error of SQLite means for a person; what is neither a lock nor the disk is the file's own damage."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        message = f"the history {path} was in use by another process for {PATIENCE_S:.0f} s"
        return JournalError(message, f"if none should be: fuser {shlex.quote(str(path))}")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return JournalError(f"the history {path} cannot be read or written: {error}", _make_room(path))
    return JournalError(f"the history {path} is damaged: {error}", _move(path))


def _foreign(path: Path, mark: tuple[int, int]) -> JournalError:
    application, version = mark
    if application == APPLICATION:
        message = f"the history {path} is of version {version}, this superteam reads version {VERSION}"
    else:
        message = f"the history {path} is the database of another program"
    return JournalError(message, _move(path))


def _move(path: Path) -> str:
    """The star takes a rollback journal along: beside a new database, it would damage that one."""
    return f"nothing was changed in it; to begin a new one: mv {shlex.quote(str(path))}* /tmp/"


def _make_room(path: Path) -> str:
    folder = shlex.quote(str(path.parent))
    return f"make room or mend the permissions; see: ls -ld {folder}; df {folder}"
