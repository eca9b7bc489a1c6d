from __future__ import annotations

import json
from pathlib import Path

from drivers.sim.memory import Memory


def test_a_reset_forgets_what_was_not_committed(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "flash.json")
    memory.program({"kept": "1"})
    memory.reset()
    memory.ram["kept"] = "2"
    memory.ram["new"] = "3"
    assert memory.flash == {"kept": "1"}
    memory.reset()
    assert memory.ram == {"kept": "1"}


def test_what_was_committed_is_there_for_the_next_process(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "flash.json")
    memory.ram = {"a": "ä", "bytes": b"\xff\xfe".decode("utf-8", "surrogateescape")}
    memory.commit()
    memory.ram["a"] = "later"
    assert Memory(tmp_path / "flash.json").flash == {"a": "ä", "bytes": "\udcff\udcfe"}
    assert json.loads((tmp_path / "flash.json").read_text())["a"] == "ä"


def test_a_write_that_was_cut_short_harms_nothing(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "flash.json")
    memory.program({"a": "1"})
    (tmp_path / "flash.json.new").write_text('{"a": ')
    assert Memory(tmp_path / "flash.json").flash == {"a": "1"}
    memory.program({"a": "2"})
    assert memory.flash == {"a": "2"}
    assert [path.name for path in tmp_path.iterdir()] == ["flash.json"]


def test_a_board_that_was_never_programmed_is_empty(tmp_path: Path) -> None:
    assert Memory(tmp_path / "flash.json").flash == {}
