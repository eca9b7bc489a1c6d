"""The line dialect writes a set, commits it and reads it back, byte for byte."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from line_script import LOST_S, Talk, met, served

from drivers.errors import BoardMisheard, BoardRefused, BoardUnreadable, CommitFailed, ValueUnwritable
from drivers.frame import digest

KEY = "0123456789abcdef0123456789abcdef01234567"
COMMIT = f"COMMIT 1 {digest({'a': 'x'})}"


def test_writes_a_set_and_commits_it() -> None:
    values = {"motd": "Grüße, Linie 2!", "key": KEY, "empty": ""}
    talk = met().asked("BEGIN", "OK")
    talk.asked("PUT motd 0 17 Gr%C3%BC%C3%9Fe,%20Linie%202%21", "OK")
    talk.asked(f"PUT key 0 40 {KEY}", "OK").asked("PUT empty 0 0", "OK")
    talk.asked("COMMIT 3 ab1241c61ca28ff63e0f87eb5a80ae4a7d60a319c51ac3618a681463fc6ba43e", "OK")
    with talk.line() as (line, _):
        line.configure(values)


def test_an_empty_set_is_one() -> None:
    nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    talk = met().asked("BEGIN", "OK").asked(f"COMMIT 0 {nothing}", "OK").asked("DIGEST", f"OK 0 {nothing}")
    with talk.line() as (line, _):
        line.configure({})
        assert line.read({}) == {}


@pytest.mark.parametrize(("limit", "fits"), [(96, 96), (111, 111), (120, 120), (200, 120)])
@pytest.mark.parametrize("value", ["x" * 2048, "ü" * 1024, "% " * 1000], ids=["plain", "utf-8", "escaped"])
def test_long_values_go_in_lines_that_the_board_takes(limit: int, fits: int, value: str) -> None:
    name = "n" * 32
    with served(lambda asked: f"OK 1 {limit} 5000" if asked == "HELLO" else "OK") as (line, sent):
        line.configure({name: value})
    puts = [asked[:-5].split(" ")[1:] for asked in sent if " PUT " in asked]
    data, held = value.encode(), b""
    for verb, put, offset, total, chunk in puts:
        assert (verb, put, int(offset), int(total)) == ("PUT", name, len(held), len(data))
        held += unquote_to_bytes(chunk)
    assert held == data
    assert fits - 2 <= max(map(len, sent)) <= fits


def test_a_setting_that_no_board_takes_is_not_begun() -> None:
    with Talk().line() as (line, _):
        for name, value in (("a b", ""), ("@serial", "x"), ("n" * 33, ""), ("", ""), ("ü", ""), ("a", "ü" * 1025)):
            with pytest.raises(ValueUnwritable):
                line.configure({name: value})
        line.check({"a.B-c_9": "ü" * 1024})


@pytest.mark.parametrize("word", ["name", "value", "full", "verb", "args", "new-one in a later version"])
def test_a_refused_setting_is_the_boards(word: str) -> None:
    talk = met().asked("BEGIN", "OK").asked("PUT a 0 1 x", f"ERR {word}")
    with talk.line() as (line, _), pytest.raises(BoardRefused, match="the setting a: "):
        line.configure({"a": "x"})


def test_a_board_that_is_busy_is_asked_again() -> None:
    talk = met().asked("BEGIN", "ERR busy").again("ERR busy erasing").again("OK").asked("PUT a 0 1 x", "OK")
    with talk.asked(f"COMMIT 1 {digest({'a': 'x'})}", "OK").line() as (line, _):
        line.configure({"a": "x"})


def test_a_board_that_stays_busy_refuses() -> None:
    with met().asked("BEGIN", "ERR busy").line(reply_s=0.05) as (line, _), pytest.raises(BoardRefused, match="busy"):
        line.configure({"a": "x"})


def staged() -> Talk:
    return met().asked("BEGIN", "OK").asked("PUT a 0 1 x", "OK")


def test_a_lost_answer_to_commit_is_asked_for_again() -> None:
    talk = staged().asked(COMMIT).again("OK", lf=True).still_up()
    with talk.line(commit_s=4 * LOST_S) as (line, _):
        line.configure({"a": "x"})


def test_a_set_that_is_not_whole_begins_anew() -> None:
    talk = met().asked("BEGIN", "OK").asked("PUT a 0 1 x", "ERR order").still_up()
    talk.asked("BEGIN", "OK").asked("PUT a 0 1 x", "OK").asked(COMMIT, "ERR digest").hello(6_000_000)
    talk.asked("BEGIN", "OK").asked("PUT a 0 1 x", "OK").asked(COMMIT, "OK")
    with talk.line() as (line, _):
        line.configure({"a": "x"})


def test_a_set_that_is_never_whole_was_misheard() -> None:
    talk = met()
    for up_ms in (6_000_000, 7_000_000, 8_000_000):
        talk.asked("BEGIN", "OK").asked("PUT a 0 1 x", "OK").asked(COMMIT, "ERR digest").hello(up_ms)
    with talk.line() as (line, _), pytest.raises(BoardMisheard):
        line.configure({"a": "x"})


@pytest.mark.parametrize("word", ["storage", "busy"])
def test_a_board_that_can_not_save_fails_its_commit(word: str) -> None:
    talk = staged().asked(COMMIT, f"ERR {word}")
    with talk.line(commit_s=0.05) as (line, _), pytest.raises(CommitFailed, match=word):
        line.configure({"a": "x"})


def test_a_board_that_says_nothing_to_a_commit_fails_it() -> None:
    def tells(asked: str) -> str | None:
        return None if "COMMIT" in asked else "OK 1 120 5000" if asked == "HELLO" else "OK"

    with served(tells, commit_s=0.8) as (line, sent), pytest.raises(CommitFailed, match="no answer"):
        line.configure({"a": "x"})
    assert sent[-1][4:-5] == COMMIT and set(sent[3:]) == {sent[-1]}


HELD = {"a": "x y", "key": KEY, "empty": ""}


def read_back(*, held: str | None = None, count: int = 3, key: str = "ERR secret", empty: str = "OK 0") -> Talk:
    talk = met().asked("DIGEST", f"OK {count} {held or digest(HELD)}").asked("GET a 0", "OK 3 x%20y")
    return talk.asked("GET key 0", key).asked("GET empty 0", empty)


def test_reads_back_what_is_told_and_takes_the_digest_for_what_is_not() -> None:
    with read_back().line() as (line, _):
        assert line.read(HELD) == HELD
    with read_back(key=f"OK 40 {KEY}").line() as (line, _):
        assert line.read(HELD) == HELD


def test_reads_a_value_in_the_parts_that_the_board_likes() -> None:
    talk = met().asked("DIGEST", f"OK 1 {digest({'a': 'x y'})}")
    talk.asked("GET a 0", "OK 3 x").asked("GET a 1", "OK 3 %20").asked("GET a 2", "OK 3 y")
    with talk.line() as (line, _):
        assert line.read({"a": "x y"}) == {"a": "x y"}


OTHER = "0" * 64


def test_a_secret_in_another_set_is_not_the_expected_one() -> None:
    with read_back(held=OTHER).line() as (line, _):
        assert line.read(HELD) == HELD | {"key": f"sha256:{OTHER}"}


def test_another_set_without_a_visible_difference_differs_in_everything() -> None:
    for talk in (read_back(held=OTHER, key=f"OK 40 {KEY}"), read_back(count=4, key=f"OK 40 {KEY}")):
        with talk.line() as (line, _):
            read = line.read(HELD)
        assert not any(read[name] == value for name, value in HELD.items())


def test_what_the_board_does_not_know_is_never_the_expected_value() -> None:
    with read_back(empty="ERR unknown").line() as (line, _):
        read = line.read(HELD)
    assert read["empty"] != "" and read["a"] == "x y"


def test_another_value_is_told_as_it_is_whatever_the_digest_says() -> None:
    with read_back(empty="OK 3 n%c3%bc").line() as (line, _):
        assert line.read(HELD)["empty"] == "nü"


def test_bytes_that_are_no_text_are_no_value() -> None:
    with read_back(empty="OK 1 %FF").line() as (line, _):
        assert line.read(HELD)["empty"].startswith("sha256:")


@pytest.mark.parametrize(
    "told",
    ["OK", "OK x", "OK 01 x", "OK 2", "OK 1 xy", "OK 2 %x", "OK 2049 x", "OK 99999999999 x", "MAYBE 1 x"],
)
def test_an_answer_that_is_not_the_protocols_is_unreadable(told: str) -> None:
    with met().asked("GET @serial 0", told).line() as (line, _), pytest.raises(BoardUnreadable):
        line.identify()


@pytest.mark.parametrize("told", ["OK 2 120 5", "OK 1 95 5", "OK 1 120", "OK", "OK 1 120 -5"])
def test_a_greeting_that_is_not_the_protocols_is_unreadable(told: str) -> None:
    with Talk().asked("HELLO", told, lf=True).line() as (line, _), pytest.raises(BoardUnreadable):
        line.identify()


@pytest.mark.parametrize("told", ["OK 1", "OK 1 00", f"OK 1 {OTHER}0", f"OK x {OTHER}", f"OK 1 {'F' * 64}"])
def test_a_digest_that_is_none_is_unreadable(told: str) -> None:
    with met().asked("DIGEST", told).line() as (line, _), pytest.raises(BoardUnreadable):
        line.read({"a": "x"})
