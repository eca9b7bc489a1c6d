"""``station fleet`` on a terminal: bars while something takes long, and questions before something dies."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from served_fleet import Served
from station_process import LIMIT_S, station


def typed(fleet: Served, *words: str | Path, answer: str = "") -> tuple[int, str]:
    """Run a command on a terminal, answer its first question, and return its exit code and what is on the screen."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "station", "fleet", *fleet.options(), *map(str, words)]
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, cwd=fleet.folder) as process:
        os.close(its)
        screen, until = b"", time.monotonic() + LIMIT_S
        while select.select([ours], [], [], until - time.monotonic())[0]:
            try:
                screen += os.read(ours, 65536)
            except OSError:  # the terminal's other end is closed
                break
            if answer and b"[y/N]" in screen:
                os.write(ours, answer.encode())
                answer = ""
        os.close(ours)
        return process.wait(LIMIT_S), screen.decode()


def test_a_bar_shows_how_far_an_import_is(fleet: Served, tmp_path: Path) -> None:
    model, file = fleet.model(), tmp_path / "many.csv"
    file.write_text("".join(f"SN{n}\n" for n in range(9000)))
    code, screen = typed(fleet, "serials", "import", model, file)
    assert code == 0 and f"{model}: 9000 added, 0 existed, 0 refused\r\n" in screen
    assert "many.csv  [" in screen and "44%" in screen and "100%" in screen
    assert "%" not in fleet.run("serials", "import", model, file).stderr


def test_a_bar_shows_how_far_a_transfer_is(fleet: Served, tmp_path: Path) -> None:
    model, file, copy = fleet.model(), tmp_path / "fw.bin", tmp_path / "copy.bin"
    file.write_bytes(bytes(2_000_000))
    for words in (["upload", model, file], ["download", model, "fw.bin", "--into", copy]):
        code, screen = typed(fleet, "content", *words)
        assert code == 0 and "fw.bin  [" in screen and "100%" in screen, screen
    assert copy.read_bytes() == file.read_bytes()


def test_a_person_is_asked_before_a_key_dies(fleet: Served) -> None:
    model = fleet.model()
    fleet.says("serials", "add", model, "A1")
    fleet.says("serials", "enable", model, "A1", "--owner", fleet.grants["acme"]["owner_rid"])
    [before] = fleet.told("serials", "show", model, "A1")
    code, screen = typed(fleet, "serials", "delete", model, "A1", answer="n\n")
    assert code == 1 and f"Delete A1, and its key, of {model} for good? [y/N]: n" in screen
    assert fleet.told("serials", "show", model, "A1") == [before]
    code, screen = typed(fleet, "serials", "regenerate", model, "A1", answer="y\n")
    assert code == 0 and f"A1 of {model} is notactivated, and its key dies at once." in screen
    code, screen = typed(fleet, "serials", "delete", model, "A1", answer="y\n")
    assert code == 0 and f"{model}: 1 deleted" in screen


def test_a_table_on_a_terminal_does_nothing_to_it(fleet: Served) -> None:
    model = fleet.model()
    fleet.says("serials", "add", model, "A1", "--extra", "\x1b[2J\x07 \u7535\u7d20")
    fleet.says("serials", "add", model, "A2", "--extra", "plain")
    code, screen = typed(fleet, "serials", "list", model)
    assert code == 0 and "\x07" not in screen and "\\x1b[2J\\x07 \u7535\u7d20\r\n" in screen


def test_words_that_are_no_text_are_refused(fleet: Served) -> None:
    model = fleet.model()
    said = fleet.fails(2, "models", "update", model, "--code", "\udcff")
    assert said == "station: what was said is not UTF-8: '\\udcff'\n"


def test_an_output_that_cannot_show_a_name_is_named(fleet: Served) -> None:
    model = fleet.model()
    fleet.says("serials", "add", model, "\u5b57")
    words = [*fleet.options(), "serials", "list", model]
    done = station("fleet", *words, env={"PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 1
    assert (
        done.stderr == "station: the output, in latin-1, can't show '\\u5b57'; PYTHONIOENCODING=utf-8 makes it UTF-8\n"
    )


@pytest.mark.parametrize("words", [["--help"], ["serials", "list", "{}"], ["serials", "export", "{}", "-"]])
def test_an_output_that_is_full_is_named(words: list[str], fleet: Served) -> None:
    model = fleet.model()
    fleet.says("serials", "add", model, "A1")
    command = [sys.executable, "-m", "station", "fleet", *fleet.options(), *[word.format(model) for word in words]]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "station: the output can't be written: No space left on device\n"
