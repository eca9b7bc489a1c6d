"""What the sweep takes and what it leaves, in the two moments that a test of the server can't wait for."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlite_utils import Database

from station.fleet.server import blobs, init
from station.fleet.server.store import Store

DATA = bytes(range(256)) * 4096  # four chunks


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    init(tmp_path / "fleet.db", "acme", ["g1"])
    opened = Store(tmp_path / "fleet.db")
    opened.write(
        lambda db: db.execute(
            "INSERT INTO contents(model, name, meta, protected, updated) SELECT id, 'fw', '', 0, 0 FROM models"
        )
    )
    yield opened
    opened.close()


def name(store: Store, blob: int) -> None:
    store.write(lambda db: db.execute("UPDATE contents SET blob = ?", [blob]))


def chunks(store: Store) -> int:
    found: int = store.read().execute("SELECT count(*) FROM chunks").fetchone()[0]
    return found


def test_what_is_being_written_is_left_alone_and_what_was_given_up_is_not(store: Store) -> None:
    with blobs.written(store, io.BytesIO(DATA)) as (_, size):
        blobs.sweep(store)
        assert (size, chunks(store)) == (len(DATA), 4)
    blobs.sweep(store)
    assert chunks(store) == 0


def test_what_is_read_while_it_is_replaced_is_left_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep gets to a blob that was uploaded when it began, and is replaced in the commit that it waits for."""
    listed, go = threading.Event(), threading.Event()

    def write(work: Callable[[Database], object]) -> object:
        result = writes(work)
        if result is False:  # the first blob is gone, the next one's turn has not begun
            listed.set()
            assert go.wait(20)
        return result

    def begin(_: Database) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "fleet.db")) as reader:
            assert reader.execute("SELECT blob FROM contents").fetchone() == (blob,)
        reading.enter_context(store.holds.on(blob))

    numbers, writes = iter((1, 2)), store.write
    monkeypatch.setattr("station.fleet.server.blobs.secrets", SimpleNamespace(randbits=lambda _: next(numbers)))
    monkeypatch.setattr(store, "write", write)
    with blobs.written(store, io.BytesIO(DATA)):
        pass  # given up: the first that a sweep deletes
    sweep = threading.Thread(target=blobs.sweep, args=[store])
    with blobs.written(store, io.BytesIO(DATA)) as (blob, _):
        sweep.start()
        assert listed.wait(20)
        name(store, blob)
    with contextlib.ExitStack() as reading:
        with store.together():
            name(store, -1)
            go.set()
            sweep.join(1)  # either it has ended, or it waits for this commit
            began = store._writer.submit(begin)
        began.result()
        sweep.join()
        assert b"".join(blobs.pieces(store, blob, 0, len(DATA) - 1)) == DATA
    blobs.sweep(store)
    assert chunks(store) == 0


def test_what_is_read_is_left_alone_until_the_reader_ends_or_is_closed(store: Store) -> None:
    with blobs.written(store, io.BytesIO(DATA)) as (blob, _):
        name(store, blob)
    one, two = (blobs.pieces(store, blob, 0, len(DATA) - 1) for _ in range(2))
    first = next(one), next(two)
    name(store, -1)
    blobs.sweep(store)
    one.close()
    blobs.sweep(store)
    assert b"".join([first[1], *two]) == DATA
    blobs.sweep(store)
    assert chunks(store) == 0


def test_a_missing_chunk_is_an_error_and_not_the_end(store: Store) -> None:
    with blobs.written(store, io.BytesIO(DATA)) as (blob, _):
        name(store, blob)
    store.write(lambda db: db.execute("DELETE FROM chunks WHERE number = 2"))
    pieces = blobs.pieces(store, blob, 0, len(DATA) - 1)
    assert next(pieces) + next(pieces) == DATA[: len(DATA) // 2]
    with pytest.raises(LookupError, match="missing"):
        next(pieces)
    assert blob not in store.holds


def test_a_sweep_that_fails_is_put_off(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with blobs.written(store, io.BytesIO(DATA)):
        pass
    store.write(
        lambda db: db.execute("CREATE TRIGGER stuck BEFORE DELETE ON chunks BEGIN SELECT RAISE(FAIL, 'no'); END")
    )
    blobs.sweep(store)
    assert "still takes up space" in caplog.text
    store.write(lambda db: db.execute("DROP TRIGGER stuck"))
    blobs.sweep(store)
    assert chunks(store) == 0


def test_a_sweep_ends_when_it_is_enough(store: Store) -> None:
    with blobs.written(store, io.BytesIO(DATA * 3)):
        pass
    answers = iter((False, False, True))
    blobs.sweep(store, lambda: next(answers))
    assert chunks(store) == 4
