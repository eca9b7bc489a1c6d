"""Conversations of the micropython dialect, byte for byte, on a real pty."""

from __future__ import annotations

import hashlib
import json
import select
import time
from typing import Any

import pytest
from board_script import Board, open_link
from micropython_script import (
    ASKED,
    BANNER,
    GREETING,
    RAW,
    WAKE,
    WHO,
    WOKEN,
    Exchange,
    greeted,
    identified,
    micropython,
    order,
    pasted,
    plainly,
    ran,
    said,
)
from pydantic import ValidationError

from drivers import snippets
from drivers.board import Identity
from drivers.errors import (
    BoardFloods,
    BoardGarbled,
    BoardMisheard,
    BoardRefused,
    BoardRestarts,
    BoardSilent,
    BoardStays,
    BoardUnreadable,
    CommitFailed,
    ValueUnwritable,
)
from drivers.micropython import MicroPython

LOG = b"[   12.345678] wlan0: connected -> 10.0.0.7\r\n"
TRACEBACK = b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
SETTINGS = {"name": "G1-7", "key": "0123456789abcdef" * 2}
TEXT = '{"name":"G1-7","key":"0123456789abcdef0123456789abcdef"}'
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest().encode()
WRITE = f"kept['f']=open('/c.json.new','w')\nkept['f'].write('{TEXT}')\nkept.pop('f').close()\n" + snippets.sign(
    "/c.json.new"
)
KEEP = snippets.keep("/c.json.new", "/c.json")
SIGN = snippets.sign("/c.json")
TELL = snippets.tell("/c.json")
RESET = "import machine\nmachine.reset()\n"
G1_7 = Identity("G1-7")


def signed(digest: bytes) -> bytes:
    return b"sha256 " + digest + b"\r\n"


def told(text: str) -> bytes:
    return f"<{text}> {snippets.checksum(text)}\r\n".encode()


def written() -> list[Exchange]:
    return [*ran(WRITE, signed(DIGEST)), *ran(KEEP, b"renamed\r\n")]


# ---------------------------------------------------------------- the way to the raw REPL


@pytest.mark.parametrize("slowly", [False, True])
def test_identifies_a_board_by_raw_paste_mode(slowly: bool) -> None:
    script: list[Exchange] = [
        (b"\x03\x03\x01", b"\r\n>>> \r\n>>> \r\nraw REPL; CTRL-B to exit\r\n>"),
        (b"\x05A\x01", b"R\x01\x00\x40\x01"),
        (GREETING + b"\x04", b"\x04\x02\r\nfresh\r\n\x04\x04>"),
        (b"\x05A\x01", b"R\x01\x00\x40\x01"),
        (b"_st(\"print('serial=G1-7')\",10688657)\n\x04", b"\x04\x02\r\nserial=G1-7\r\n\x04\x04>"),
    ]
    with micropython(script, slowly=slowly) as (board, _):
        assert board.identify() == G1_7


@pytest.mark.parametrize("refusal", [b"R\x00>", RAW], ids=["older firmware", "old firmware"])
def test_sends_code_as_it_is_where_there_is_no_raw_paste_mode(refusal: bytes) -> None:
    script = [
        WOKEN,
        (ASKED, refusal),
        *plainly(GREETING, said(b"fresh\r\n")),
        *plainly(order(WHO["run"]), said(b"serial=G1-7\r\n")),
    ]
    with micropython(script) as (board, _):
        assert board.identify() == G1_7


def test_asks_the_chip_for_its_number_if_the_recipe_asks_nothing() -> None:
    answer = b"serial=0300000078563412\r\nfirmware=v1.24.1 on 2024-11-29\r\nhardware=Board with CHIP\r\n"
    script = [WOKEN, *greeted(), *ran(snippets.WHO, answer)]
    options = MicroPython.Options.model_validate({"path": "/c.json"})
    with micropython(script, identify=options.identify) as (board, _):
        assert board.identify() == Identity(
            "0300000078563412", "0300000078563412", "v1.24.1 on 2024-11-29", "Board with CHIP"
        )


def test_interrupts_a_program_and_reads_past_its_messages() -> None:
    stopped = LOG + TRACEBACK + b"KeyboardInterrupt: \r\n\0" + BANNER + b"\r\n>>> \r\n" + LOG + RAW
    noisy = b"\x04" + LOG + b"\x02\r\n" + LOG + b"serial=G1-7\r\n" + LOG + b"\x04\x04>" + LOG
    script = [
        (WAKE, stopped),
        *greeted(),
        (ASKED, LOG + b"R\x01\x00\x40" + b"\x01"),
        (order(WHO["run"]) + b"\x04", noisy),
    ]
    with micropython(script) as (board, _):
        assert board.identify() == G1_7


def test_wakes_a_board_again_that_was_woken_before_it_could_hear() -> None:
    script = [(WAKE, b""), *identified()]
    with micropython(script, wake_s=0.05) as (board, _):
        assert board.identify() == G1_7


def test_wakes_a_board_at_its_prompt_again_at_once() -> None:
    with micropython([(WAKE, BANNER), *identified()]) as (board, _):
        assert board.identify() == G1_7


@pytest.mark.parametrize(
    ("says", "fault"),
    [
        (b"", BoardSilent),
        (b"login: ", BoardSilent),
        (bytes(range(128, 256)) * 2, BoardGarbled),
        (LOG * 2000, BoardFloods),
    ],
)
def test_says_what_is_wrong_with_a_board_that_has_no_raw_repl(says: bytes, fault: type[Exception]) -> None:
    def talk(board: Board) -> None:
        for at in range(0, len(says), 1024):
            board.say(says[at : at + 1024])

    with micropython([(WAKE, talk)], boot_s=1.0) as (board, _), pytest.raises(fault):
        board.identify()


def test_a_board_is_present_if_it_says_anything() -> None:
    with micropython([(WAKE, b"\r\n>>> ")]) as (board, _):
        assert board.present()
    with micropython([(WAKE, b"")]) as (board, _):
        assert not board.present()


# ---------------------------------------------------------------- flow control, and bytes that get lost


def test_sends_no_more_than_the_board_has_room_for() -> None:
    code = order(WHO["run"]) + b"\x04"
    early: list[bytes] = []

    def make_room(board: Board) -> None:
        if select.select([board.master], [], [], 0.05)[0]:
            early.append(b"more than there was room for")
        board.say(b"\x01")

    script: list[Exchange] = [
        WOKEN,
        *greeted(),
        (ASKED, b"R\x01\x08\x00\x01"),
        (code[:16], make_room),
        (code[16:24], make_room),
        (code[24:32], make_room),
        (code[32:], b"\x04" + said(b"serial=G1-7\r\n")),
    ]
    assert 32 < len(code) <= 40
    with micropython(script) as (board, _):
        assert board.identify() == G1_7
    assert not early


def test_stops_when_the_board_ends_the_code_itself() -> None:
    script: list[Exchange] = [
        WOKEN,
        (ASKED, b"R\x01\x20\x00\x01"),
        (GREETING[:64], b"\x01\x04"),
        (b"\x04", b"\x04" + TRACEBACK + b"SyntaxError: invalid syntax\r\n\x04>"),
        (WAKE, RAW),
        *greeted(),
        *ran(WHO["run"], b"serial=G1-7\r\n"),
    ]
    with micropython(script) as (board, _):
        assert board.identify() == G1_7


MISHEARD: list[list[Exchange]] = [
    pasted(order(WHO["run"]), b"misheard\r\n\x04\x04>"),
    pasted(order(WHO["run"]), b"\x04" + TRACEBACK + b"SyntaxError: invalid syntax\r\n\x04>"),
    pasted(order(WHO["run"]), b"\x04" + TRACEBACK + b"NameError: name '_s' isn't defined\r\n\x04>"),
]


@pytest.mark.parametrize("misheard", MISHEARD, ids=["checksum", "syntax", "name"])
def test_says_again_what_did_not_arrive_whole(misheard: list[Exchange]) -> None:
    again = [(WAKE, RAW), *greeted(b"known"), *ran(WHO["run"], b"serial=G1-7\r\n")]
    with micropython([WOKEN, *greeted(), *misheard, *again]) as (board, _):
        assert board.identify() == G1_7


def test_a_board_that_never_hears_right_is_misheard() -> None:
    again: list[Exchange] = [(WAKE, RAW), *greeted(b"known"), *MISHEARD[0]]
    script = [WOKEN, *greeted(), *MISHEARD[0], *again, *again]
    with micropython(script) as (board, _), pytest.raises(BoardMisheard, match="did not arrive"):
        board.identify()


def test_a_lost_end_is_noticed_by_the_silence() -> None:
    again = [(WAKE, RAW), *greeted(b"known"), *ran(WHO["run"], b"serial=G1-7\r\n")]
    silent: list[Exchange] = [(ASKED, b"R\x01\x00\x40\x01"), (order(WHO["run"]) + b"\x04", b"")]
    with micropython([WOKEN, *greeted(), *silent, *again], reply_s=0.3) as (board, _):
        assert board.identify() == G1_7


def test_what_the_board_s_python_raises_is_final() -> None:
    raised = TRACEBACK + b"AttributeError: 'module' object has no attribute 'unique_id'\r\n"
    script = [WOKEN, *greeted(), *ran(WHO["run"], b"", raised)]
    with micropython(script) as (board, _), pytest.raises(BoardRefused, match="no attribute 'unique_id'"):
        board.identify()


def test_an_answer_without_the_serial_number_is_unreadable() -> None:
    script = [WOKEN, *greeted(), *ran(WHO["run"], b"serial\r\n")]
    with micropython(script) as (board, _), pytest.raises(BoardUnreadable):
        board.identify()


# ---------------------------------------------------------------- the file


def test_writes_a_new_file_proves_it_and_renames_it() -> None:
    with micropython([WOKEN, *greeted(), *written()]) as (board, _):
        board.configure(SETTINGS)


def test_writes_in_pieces_that_hold_whole_settings() -> None:
    first = "kept['f']=open('/c.json.new','w')\nkept['f'].write('{\"name\":\"G1-7\"')\n"
    last = "kept['f'].write(',\"key\":\"0123456789abcdef0123456789abcdef\"}')\nkept.pop('f').close()\n" + snippets.sign(
        "/c.json.new"
    )
    script = [WOKEN, *greeted(), *ran(first), *ran(last, signed(DIGEST)), *ran(KEEP, b"renamed\r\n")]
    with micropython(script, piece=48) as (board, _):
        board.configure(SETTINGS)


def test_writes_smaller_pieces_to_a_board_without_memory() -> None:
    full = TRACEBACK + b"MemoryError: memory allocation failed, allocating 961 bytes\r\n"
    smaller = snippets.writing("/c.json.new", snippets.pieces(SETTINGS, 48))
    assert len(smaller) == 2
    script = [
        WOKEN,
        *greeted(),
        *ran(WRITE, b"", full),
        *ran(smaller[0]),
        *ran(smaller[1], signed(DIGEST)),
        *ran(KEEP, b"renamed\r\n"),
    ]
    with micropython(script, piece=96) as (board, _):
        board.configure(SETTINGS)


def test_a_file_that_arrived_otherwise_is_written_again_and_then_given_up() -> None:
    script = [WOKEN, *greeted(), *ran(WRITE, signed(b"0" * 64)) * 3]
    with micropython(script) as (board, _), pytest.raises(BoardMisheard, match="not what it was sent"):
        board.configure(SETTINGS)


def test_a_board_without_sha256_and_rename_tells_the_file_and_its_copy() -> None:
    script = [
        WOKEN,
        *greeted(),
        *ran(WRITE, signed(b"none")),
        *ran(snippets.tell("/c.json.new"), told(TEXT)),
        *ran(KEEP, b"copied\r\n"),
        *ran(TELL, told(TEXT)),
        *ran("import os\nos.remove('/c.json.new')\nprint('dropped')\n", b"dropped\r\n"),
        *ran(TELL, told(TEXT)),
    ]
    with micropython(script) as (board, _):
        board.configure(SETTINGS)
        assert board.read(SETTINGS) == SETTINGS


def test_a_board_that_can_not_write_refuses() -> None:
    script = [WOKEN, *greeted(), *ran(WRITE, b"", TRACEBACK + b"OSError: [Errno 30] EROFS\r\n")]
    with micropython(script) as (board, _), pytest.raises(BoardRefused, match="EROFS"):
        board.configure(SETTINGS)


def test_a_file_that_can_not_take_the_old_one_s_place_is_no_commit() -> None:
    script = [*written()[:-2], *ran(KEEP, b"", TRACEBACK + b"OSError: [Errno 28] ENOSPC\r\n")]
    with micropython([WOKEN, *greeted(), *script]) as (board, _), pytest.raises(CommitFailed, match="ENOSPC"):
        board.configure(SETTINGS)


def test_silence_over_the_commit_is_no_commit() -> None:
    script: list[Exchange] = [
        *written()[:-1],
        (order(KEEP) + b"\x04", b"\x04"),
        (WAKE, b""),
    ]
    with (
        micropython([WOKEN, *greeted(), *script], reply_s=0.3, boot_s=0.5) as (board, _),
        pytest.raises(CommitFailed),
    ):
        board.configure(SETTINGS)


def test_reads_back_by_the_digest_what_was_written() -> None:
    with micropython([WOKEN, *greeted(), *ran(SIGN, signed(DIGEST))]) as (board, _):
        assert board.read(SETTINGS) == SETTINGS


MISSING = "(no such setting)"


@pytest.mark.parametrize(
    ("answer", "read"),
    [
        (told('{"name":"G1-7?","other":3}'), {"name": "G1-7?", "key": MISSING}),
        (told('{"key":"a",') + b"", {"name": MISSING, "key": MISSING}),
        (told('{"name": ["x"],"key":"ü∞"}'), {"name": "(not text: ['x'])", "key": "ü∞"}),
        (b"<\r\nnothing\r\n", {"name": MISSING, "key": MISSING}),
        (told('{"name":5,"key":""}'), {"name": "(not text: 5)", "key": ""}),
        (told("[" * 60_000), {"name": MISSING, "key": MISSING}),
        (told("[]"), {"name": MISSING, "key": MISSING}),
        (b'<{\r\n"name":"1"\r\n}> %d\r\n' % snippets.checksum('{"name":"1"}'), {"name": "1", "key": MISSING}),
    ],
)
def test_reads_what_the_file_holds_if_it_is_another(answer: bytes, read: dict[str, str]) -> None:
    script = [WOKEN, *greeted(), *ran(SIGN, signed(b"0" * 64)), *ran(TELL, answer)]
    with micropython(script) as (board, _):
        assert board.read(SETTINGS) == read


def test_a_missing_file_holds_nothing() -> None:
    script = [WOKEN, *greeted(), *ran(SIGN, signed(b"missing")), *ran(TELL, b"nothing\r\n")]
    with micropython(script) as (board, _):
        assert board.read(SETTINGS) == {"name": MISSING, "key": MISSING}


def test_a_damaged_answer_is_asked_for_again() -> None:
    script = [
        WOKEN,
        *greeted(),
        *ran(SIGN, b"sha256 " + DIGEST[1:] + b"\r\n"),
        *ran(SIGN, signed(DIGEST)),
    ]
    with micropython(script) as (board, _):
        assert board.read(SETTINGS) == SETTINGS


def test_more_than_can_be_read_back_is_not_written() -> None:
    with micropython([]) as (board, _):
        board.check(SETTINGS | {"control": "\x00\x04\u2028", "'\"": "\\"})
        with pytest.raises(ValueUnwritable):
            board.configure({"long": "x" * 50_000})


# ---------------------------------------------------------------- restarts


def restarted(then: bytes) -> list[Exchange]:
    return [(ASKED, b"R\x01\x00\x40\x01"), (order(RESET) + b"\x04", b"\x04\x02\r\n" + then)]


def test_restarts_the_board_and_sees_that_its_ram_is_empty() -> None:
    script = [*identified(), *restarted(b"\0ESP-ROM\r\n" + BANNER), WOKEN, *greeted(), *ran(SIGN, signed(DIGEST))]
    with micropython(script) as (board, _):
        board.identify()
        assert board.restart()
        assert board.read(SETTINGS) == SETTINGS


def test_restarts_a_board_whose_program_says_nothing() -> None:
    script = [*identified(), *restarted(b"\0"), (WAKE, TRACEBACK + b"KeyboardInterrupt:\r\n" + RAW), *greeted()]
    with micropython(script, wake_s=0.1) as (board, _):
        board.identify()
        assert board.restart()


def test_restarts_softly() -> None:
    script = [*identified(), (b"\x04", b"OK\r\nMPY: soft reboot\r\n" + LOG + RAW), *greeted()]
    with micropython(script, restart="soft") as (board, _):
        board.identify()
        assert board.restart()


def test_restarts_by_code_that_ends_like_any_other() -> None:
    code = "import machine\nmachine.soft_reset()"
    script = [*identified(), *ran(code), (b"", b"MPY: soft reboot\r\n" + RAW), *greeted()]
    with micropython(script, reset=code) as (board, _):
        board.identify()
        assert board.restart()


def test_a_board_that_keeps_its_ram_has_not_restarted() -> None:
    stays = [*ran(RESET), (WAKE, RAW), *greeted(b"known")]
    with micropython([*identified(), *stays * 3], wake_s=0.05) as (board, _):
        board.identify()
        with pytest.raises(BoardStays):
            board.restart()


def test_a_board_that_misheard_is_told_to_restart_again() -> None:
    misheard = pasted(order(RESET), b"misheard\r\n\x04\x04>")
    script = [
        *identified(),
        *misheard,
        (WAKE, RAW),
        *greeted(b"known"),
        *restarted(BANNER),
        WOKEN,
        *greeted(),
    ]
    with micropython(script) as (board, _):
        board.identify()
        assert board.restart()


def test_a_board_without_the_means_to_restart_says_so() -> None:
    script = [*identified(), *ran(RESET, b"", TRACEBACK + b"AttributeError: no attribute 'reset'\r\n")]
    with micropython(script) as (board, _):
        board.identify()
        with pytest.raises(BoardRefused, match="'reset'"):
            board.restart()


def test_is_not_restarted_if_the_recipe_does_not_want_it() -> None:
    with micropython([], restart="none") as (board, _):
        assert not board.restart()


def test_a_known_board_that_restarts_by_itself_is_told_nothing_more() -> None:
    script = [
        *identified(),
        (ASKED, b"R\x01\x00\x40\x01"),
        (order(WRITE) + b"\x04", b"\x04" + BANNER),
        WOKEN,
        *greeted(),
    ]
    with micropython(script) as (board, _):
        board.identify()
        with pytest.raises(BoardRestarts):
            board.configure(SETTINGS)


def test_a_board_that_restarts_while_it_says_who_it_is_is_asked_again() -> None:
    script = [*identified()[:-1], (order(WHO["run"]) + b"\x04", b"\x04" + BANNER), *identified()]
    with micropython(script) as (board, _):
        assert board.identify() == G1_7


def test_a_board_that_restarts_again_and_again_is_not_silent() -> None:
    leaves: list[Exchange] = [*identified()[:-1], (order(WHO["run"]) + b"\x04", b"\x04" + BANNER)]
    with micropython(leaves * 3) as (board, _), pytest.raises(BoardRestarts):
        board.identify()


def test_a_late_answer_to_what_woke_the_board_is_none_to_another_question() -> None:
    answers = [(WAKE, BANNER), (WAKE, b"\r\n>>> \r\n" + RAW), (ASKED, RAW + b"R\x01\x00\x40\x01")]
    script: list[Exchange] = [*answers, *greeted()[1:], *ran(WHO["run"], b"serial=G1-7\r\n")]
    with micropython(script) as (board, _):
        assert board.identify() == G1_7


# ---------------------------------------------------------------- secrets, and what a recipe may say


@pytest.mark.parametrize("piece", [2048, 64, 32])
def test_a_key_is_in_no_transcript(piece: int) -> None:
    key = "5ec12e7c0ffee5ec12e7c0ffee5ec12e7c0ffee0"
    settings = {"name": "G1-7", "value": f'{{"cert": "{"x" * 50}", "key": "{key}"}}'}
    with open_link() as (far_end, link):
        link.hide(key)
        board = MicroPython(
            link, MicroPython.Options.model_validate({"piece": piece, "reply_s": 0.2, "boot_s": 0.2}), {}
        )
        for code in snippets.writing("/c", parts := snippets.pieces(settings, piece)):
            board._hide_cuts(parts)
            link.write(order(code), time.monotonic() + 20)
            far_end.say(code.encode())
            link.read(time.monotonic() + 20)
        seen = b"".join(passage.data for passage in link.transcript)
    assert "".join(parts) == json.dumps(settings, separators=(",", ":"))
    for start in range(0, len(key) - 4):
        assert key[start : start + 4].encode() not in seen


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"identify": []}, "at least 1"),
        ({"identify": [{"run": "print(1)", "capture": "(?P<firmware>.*)"}]}, "captures no serial"),
        ({"identify": [{"run": "print(1)", "capture": "serial=.*"}]}, "named groups"),
        ({"identify": [{"run": "print(1)", "capture": ["(?P<serial>.)", "(?P<serial>..)"]}]}, "captures twice: serial"),
        ({"path": "a b"}, "path"),
        ({"piece": 3}, "piece"),
        ({"restart": "hard"}, "restart"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MicroPython.Options.model_validate(table)
