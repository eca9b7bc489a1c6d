"""No secret of a set is kept of what the line dialect says and hears."""

from __future__ import annotations

import pytest
from line_script import LOST_S, NOISE, met

from drivers.errors import BoardRefused, BoardSilent
from drivers.frame import digest


def test_no_part_of_a_secret_is_in_the_transcript_or_in_an_error() -> None:
    secret = "s3cr?t wörd %*! " + "k" * 90 + "tail"
    values = {"wifi": f"psk={secret}", "plain": "visible-to-all"}
    first = "psk=s3cr%3Ft%20w%C3%B6rd%20%25%2A%21%20"
    room = 96 - len("?02 PUT wifi 115 115 *0000")
    talk = met(limit=96).asked("BEGIN", "OK")
    talk.asked(f"PUT wifi 0 115 {first}{'k' * (room - len(first))}", "OK")
    talk.asked(f"PUT wifi {room - 18} 115 {'k' * (129 - room)}tail", "OK")
    talk.asked("PUT plain 0 14 visible-to-all", "OK")
    talk.asked(f"COMMIT 2 {digest(values)}", f"ERR value {'k' * 20} is no word")
    with talk.line() as (line, link):
        link.hide(secret)
        with pytest.raises(BoardRefused) as raised:
            line.configure(values)
        heard = b"".join(passage.data for passage in link.transcript)
    for text in (heard, repr(raised.value.details).encode(), raised.value.text.encode()):
        assert not any(part in text for part in (b"s3cr", b"w%C3%B6", b"kkk", b"tail"))
        assert digest(values).encode() not in text
    assert b"visible-to-all" in heard and b"PUT wifi ***" in heard


def test_the_last_few_characters_of_a_key_are_no_less_secret() -> None:
    name = "n" * 32
    room = 96 - len(f"?02 PUT {name} 42 42 *0000")
    key = ("0123456789abcdefghij" * 3)[:room] + "XY"
    talk = met(limit=96).asked("BEGIN", "OK")
    talk.asked(f"PUT {name} 0 {room + 2} {key[:-2]}", "OK").asked(f"PUT {name} {room} {room + 2} XY", "OK")
    talk.asked(f"COMMIT 1 {digest({name: key})}", "OK").asked("DIGEST", f"OK 1 {digest({name: key})}")
    talk.asked(f"GET {name} 0", f"OK {room + 2} {key[:-1]}").asked(f"GET {name} {room + 1}", NOISE, f"OK {room + 2} Y")
    with talk.line() as (line, link):
        link.hide(key)
        line.configure({name: key})
        assert line.read({name: key}) == {name: key}
        heard = b"".join(passage.data for passage in link.transcript)
    assert b"X" not in heard and b"Y" not in heard and b"GET" in heard


def test_a_reply_that_breaks_off_in_a_secret_shows_nothing_of_it() -> None:
    secret = "a@b c@d e@f g@h"
    talk = met().asked("DIGEST", f"OK 1 {'0' * 64}")
    talk.asked("GET wifi 0", NOISE, b"!02 OK 15 a@b%20c@d%20e@f%20g@")
    with talk.line(reply_s=LOST_S, patience_s=LOST_S) as (line, link):
        link.hide(secret)
        with pytest.raises(BoardSilent) as raised:
            line.read({"wifi": secret})
        heard = b"".join(passage.data for passage in link.transcript)
    for text in (heard, repr(raised.value.details).encode()):
        assert b"OK 15 ***" in text and not any(part in text for part in (b"a@b", b"c@d", b"e@f", b"g@"))
