"""Every row of the table through a raw socket: one ``recv`` a reply, to the byte."""

from __future__ import annotations

import pytest
from conformance_far_end import Scene
from conformance_table import ROWS
from conformance_words import Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_the_server_answers_as_documented(scene: Scene, row: Row) -> None:
    scene.do(*row.before)
    scene.expect(row.ask, row.answer)
    for ask, answer in row.after:
        scene.expect(ask, answer)
