"""One writer for many threads, on real files that run out of room."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Migrations

from station.database import Writer, connect
from station.errors import DatabaseCorrupt, DatabaseFailed, DatabaseNewer

ROOT = Path(__file__).parents[1]
migrations = Migrations("test")


@migrations(name="0001")
def _first(db: Any) -> None:
    db.execute("CREATE TABLE words(word TEXT PRIMARY KEY) STRICT")


class Floor:
    """A writer on a real file, and what it said to SQLite and to its follower."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.undone = 0
        self.said: list[str] = []
        self.trouble: Exception | None = None
        self.database = connect(path, migrations)
        self.database.conn.set_trace_callback(self.said.append)
        self.writer = Writer(path, self.database, self._undone)

    def _undone(self) -> None:
        self.undone += 1
        if self.trouble is not None:
            raise self.trouble

    def add(self, word: str, then: Exception | None = None) -> Any:
        """Return work that adds a word, and raises afterwards if asked to."""

        def work(db: Any) -> str:
            db.execute("INSERT INTO words VALUES (?)", [word])
            if then is not None:
                raise then
            return word

        return work

    def together(self, *works: Any) -> list[Any]:
        """Submit works that share a transaction: they queue while the writer is kept busy."""
        begun, enough = threading.Event(), threading.Event()
        busy = threading.Thread(target=self.writer.write, args=[lambda db: (begun.set(), enough.wait())])
        busy.start()
        begun.wait()
        pieces = [self.writer.submit(work) for work in works]
        self.said.clear()
        enough.set()
        busy.join()
        return pieces

    def words(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as reader:
            return [word for (word,) in reader.execute("SELECT word FROM words ORDER BY rowid")]


def failure(piece: Any) -> BaseException | None:
    try:
        piece.result()
    except (DatabaseFailed, ValueError, sqlite3.Error) as error:
        return error
    return None


def lost(db: Any) -> None:
    """As SQLite itself may do after a failed write: the transaction is gone, in the middle of somebody's work."""
    db.execute("ROLLBACK")
    raise sqlite3.OperationalError("disk I/O error")


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    floor = Floor(tmp_path / "words.db")
    yield floor
    floor.writer.close()


def test_what_is_answered_is_committed(floor: Floor) -> None:
    assert floor.writer.write(floor.add("one")) == "one"
    assert floor.words() == ["one"]


def test_all_that_waits_shares_one_commit(floor: Floor) -> None:
    pieces = floor.together(*(floor.add(str(number)) for number in range(100)))
    assert [piece.result() for piece in pieces] == [str(number) for number in range(100)]
    assert floor.said.count("COMMIT") == 2  # the one that kept the writer busy, and ours
    assert floor.words() == [str(number) for number in range(100)]


def test_nobody_is_answered_before_the_commit(floor: Floor) -> None:
    seen: list[bool] = []
    first, _ = floor.together(floor.add("one"), lambda db: seen.append(first.done))
    first.result()
    assert seen == [False]


def test_a_piece_that_raises_undoes_itself_alone(floor: Floor) -> None:
    wrong = ValueError("no")
    pieces = floor.together(floor.add("one"), floor.add("two", wrong), floor.add("one"), floor.add("three"))
    assert pieces[0].result() == "one"
    assert failure(pieces[1]) is wrong
    assert isinstance(failure(pieces[2]), sqlite3.IntegrityError)
    assert pieces[3].result() == "three"
    assert floor.words() == ["one", "three"]
    assert floor.undone == 2


def test_a_lost_transaction_is_told_to_all_and_the_next_one_works(floor: Floor) -> None:
    pieces = floor.together(floor.add("one"), lost, floor.add("two"))
    errors = [failure(piece) for piece in pieces]
    assert isinstance(errors[0], DatabaseFailed) and errors.count(errors[0]) == 3
    assert str(errors[0]) == f"{floor.path}: disk I/O error"
    assert floor.writer.write(floor.add("three")) == "three"
    assert floor.words() == ["three"]
    assert floor.undone == 1


def test_nothing_is_written_while_the_follower_does_not_know_where_it_is(floor: Floor) -> None:
    floor.trouble = sqlite3.OperationalError("disk I/O error")
    pieces = floor.together(floor.add("one"), floor.add("two", ValueError()), floor.add("three"))
    assert all(isinstance(failure(piece), DatabaseFailed) for piece in pieces)
    with pytest.raises(DatabaseFailed):
        floor.writer.write(floor.add("four"))
    floor.trouble = None
    assert floor.writer.write(floor.add("five")) == "five"
    assert floor.words() == ["five"]


def test_a_file_that_somebody_else_has_locked(floor: Floor) -> None:
    floor.writer.write(lambda db: db.execute("PRAGMA busy_timeout = 10").fetchall())
    with closing(sqlite3.connect(floor.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseFailed, match=r"words\.db: database is locked"):
            floor.writer.write(floor.add("one"))
    assert floor.writer.write(floor.add("two")) == "two"
    assert floor.words() == ["two"]


def test_closing_finishes_what_is_queued(floor: Floor) -> None:
    pieces = floor.together(*(floor.add(str(number)) for number in range(20)))
    floor.writer.close()
    assert [piece.result() for piece in pieces] == [str(number) for number in range(20)]
    with pytest.raises(DatabaseFailed, match="is closed"):
        floor.writer.write(floor.add("late"))


_NO_ROOM = """
import json, resource, sys, threading
from pathlib import Path
from test_database import Floor, failure

floor = Floor(Path(sys.argv[1]))
floor.writer.write(floor.add("before"))
wal = Path(sys.argv[1] + "-wal").stat().st_size
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (wal, hard))
pieces = floor.together(floor.add("lost"), floor.add("lost too"))
errors = [failure(piece) for piece in pieces]
failing = floor.said[:]
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
floor.writer.write(floor.add("after"))
floor.writer.close()
told = {"errors": [type(e).__name__ for e in errors], "same": errors[0] is errors[1], "text": str(errors[0])}
print(json.dumps({**told, "failing": failing, "undone": floor.undone}))
"""


def test_a_commit_that_finds_no_room_is_told_to_all_and_the_next_one_works(tmp_path: Path) -> None:
    """A process whose files may not grow: the statements succeed in memory, and COMMIT itself fails."""
    path = tmp_path / "words.db"
    command = [sys.executable, "-c", _NO_ROOM, str(path)]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["errors"] == ["DatabaseFailed", "DatabaseFailed"] and told["same"]
    assert told["text"].startswith(str(path))
    assert [sql for sql in told["failing"] if sql.startswith("INSERT")] == [
        "INSERT INTO words VALUES ('lost')",
        "INSERT INTO words VALUES ('lost too')",
    ]
    assert "COMMIT" in told["failing"][-2:]
    assert told["undone"] == 1
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT word FROM words ORDER BY rowid").fetchall() == [("before",), ("after",)]


# --------------------------------------------------------------------------- opening


def test_what_is_written_together_shares_one_commit_at_the_end(floor: Floor) -> None:
    floor.said.clear()
    with floor.writer.together():
        assert floor.writer.joined is None
        assert floor.writer.write(floor.add("one")) == "one"
        with pytest.raises(ValueError, match="no"):
            floor.writer.write(floor.add("two", ValueError("no")))
        assert floor.writer.write(floor.add("three")) == "three"
        assert floor.words() == []
        assert floor.writer.joined is floor.database
    assert floor.said.count("COMMIT") == 1
    assert floor.words() == ["one", "three"]
    assert floor.undone == 1


def test_what_others_wait_to_write_goes_with_what_is_written_together(floor: Floor) -> None:
    other = threading.Thread(target=floor.writer.write, args=[floor.add("theirs")])
    floor.said.clear()
    with floor.writer.together():
        floor.writer.write(floor.add("ours"))
        other.start()
        while not floor.writer._queue:
            threading.Event().wait(0.001)
        bad = floor.writer.submit(floor.add("bad", ValueError("no")))
        assert floor.words() == []
    other.join()
    assert floor.words() == ["ours", "theirs"]
    assert isinstance(failure(bad), ValueError)
    assert floor.said.count("COMMIT") == 1


def test_whoever_writes_a_piece_after_another_lets_one_go_first_that_writes_together(floor: Floor) -> None:
    """Without that, the busy one takes the lock again each time, and the other waits until it has no more to write."""
    going, enough = threading.Event(), threading.Event()

    def on_and_on() -> None:
        for _ in range(20_000):  # some seconds
            floor.writer.write(lambda db: None)
            going.set()
            if enough.is_set():
                return

    other = threading.Thread(target=on_and_on)
    other.start()
    going.wait()
    for word in range(20):
        with floor.writer.together():
            floor.writer.write(floor.add(str(word)))
    still_going = other.is_alive()
    enough.set()
    other.join()
    assert still_going


def test_together_without_a_word_says_nothing(floor: Floor) -> None:
    floor.said.clear()
    with floor.writer.together():
        pass
    assert floor.said == []


def test_what_was_written_together_is_lost_together(floor: Floor) -> None:
    with pytest.raises(KeyError), floor.writer.together():
        floor.writer.write(floor.add("one"))
        raise KeyError
    with pytest.raises(DatabaseFailed, match="the transaction is lost"), floor.writer.together():
        floor.writer.write(floor.add("two"))
        with pytest.raises(DatabaseFailed, match="disk I/O"):
            floor.writer.write(lost)
        late = floor.writer.submit(floor.add("late"))
    assert isinstance(failure(late), DatabaseFailed)
    with closing(sqlite3.connect(floor.path, isolation_level=None)) as other:
        floor.database.execute("PRAGMA busy_timeout = 10").fetchall()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseFailed, match="the transaction is lost"), floor.writer.together():
            with pytest.raises(DatabaseFailed, match="locked"):
                floor.writer.write(floor.add("three"))
            with pytest.raises(DatabaseFailed, match="an earlier piece"):
                floor.writer.write(floor.add("four"))
    floor.writer.write(floor.add("five"))
    assert floor.words() == ["five"]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    path.write_bytes(b"not a database at all\n" * 300)
    before = path.read_bytes()
    with pytest.raises(DatabaseCorrupt, match=r"words\.db: file is not a database"):
        connect(path, migrations)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["what?mode=memory.db", "100%41.db", "a#b.db"])
def test_a_name_that_looks_like_an_address(tmp_path: Path, name: str) -> None:
    with closing(connect(tmp_path / name, migrations).conn):
        pass
    assert (tmp_path / name).exists()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFailed, match=r"none.*unable to open"):
        connect(tmp_path / "none" / "words.db", migrations)


def test_read_only_means_it(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "words.db", migrations).conn):
        pass
    with (
        closing(connect(tmp_path / "words.db").conn) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("INSERT INTO words VALUES ('one')")


def test_a_migration_that_we_do_not_know(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    later = Migrations("test")
    later(name="0001")(_first)
    later(name="0002")(lambda db: db.execute("CREATE TABLE more(a)"))
    with closing(connect(path, later).conn):
        pass
    with pytest.raises(DatabaseNewer, match="'0002'"):
        connect(path, migrations)
    with closing(connect(path, later).conn) as again:
        assert again.execute("SELECT COUNT(*) FROM more").fetchone() == (0,)


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    broken = Migrations("test")
    broken(name="0001")(_first)
    broken(name="0002")(lambda db: [db.execute("CREATE TABLE more(a)"), db.execute("CREATE TABLE more(a)")])
    with pytest.raises(DatabaseFailed, match="already exists"):
        connect(path, broken)
    with closing(connect(path, migrations).conn) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert "words" in tables and "more" not in tables
