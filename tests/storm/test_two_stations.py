"""Two stations, one fleet, one serial number on two boards, in every order of their calls: at most one board passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
from interleaving import Choice, Run, explore, orders, run
from two_stations import CHANGES, LOST_ANSWER, LOST_CALL, Ending, Rivals

pytestmark = pytest.mark.slow

IN_THE_FIELD = (
    ('activate = "station"', 'activate = "field"\nwindow_h = 24\nreenabled_by = "service"'),
    ('fleet_key = "{cik}"\n', ""),
)
OTHERS_LIST = ('register = "station"', 'register = "listed"')

TAKEN, UNPROVEN, ELSEWHERE = "serial-taken", "serial-unproven", "begun-elsewhere"
ONE_PASSES = {("PASS", TAKEN), (TAKEN, "PASS")}
"""What comes of it as long as every answer arrives; or none passes: one has enabled what the other had listed."""
NONE_PASSES = set(product((TAKEN, UNPROVEN, ELSEWHERE), repeat=2))
"""What may come of it if one was lost: both are the supervisor's."""
UNPROVEN_LOSES = {("PASS", UNPROVEN), (UNPROVEN, "PASS")}


@pytest.fixture(params=[(), (OTHERS_LIST,)], ids=["stations list", "others list"])
def rivals(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rivals]:
    with closing(Rivals(tmp_path, *request.param)) as made:
        yield made


def endings(runs: Iterable[Run[Ending]]) -> set[tuple[str, ...]]:
    """Return what came of the runs, none of which may have anything wrong."""
    found = set()
    for one in runs:
        assert not one.result.complaints, f"{one.result.complaints} after {one}"
        found.add(one.result.brief)
    return found


def test_one_of_two_passes_in_every_order(rivals: Rivals) -> None:
    runs = list(explore(rivals.begin))
    assert ONE_PASSES <= endings(runs) <= (ONE_PASSES | NONE_PASSES if rivals.mark else ONE_PASSES)
    assert {one.result.again[loser] for one in runs for loser in one.result.again} <= {TAKEN, ELSEWHERE}
    assert len(runs) > 20, "these two hardly meet"


@pytest.mark.parametrize("fates", [(), (LOST_ANSWER, LOST_CALL)], ids=["nothing lost", "one lost"])
@pytest.mark.parametrize("changes", [(), IN_THE_FIELD], ids=["station", "field"])
def test_at_most_one_passes_if_their_hardware_ids_are_the_same_too(
    changes: tuple[tuple[str, str], ...], fates: tuple[str, ...], tmp_path: Path
) -> None:
    """A mark says for which hardware a number was listed; of two boards that are alike even there it says nothing."""
    with closing(Rivals(tmp_path, *changes, same_hardware=True)) as twins:
        found = endings(explore(twins.begin, lambda call: fates if call in CHANGES else (), 1))
    assert {code for ending in found for code in ending} <= {"PASS", TAKEN, UNPROVEN, ELSEWHERE}
    assert {ending.index("PASS") for ending in found if "PASS" in ending} == {0, 1}
    assert any(ELSEWHERE in ending for ending in found)


def test_at_most_one_passes_in_every_order_if_one_answer_is_lost(tmp_path: Path) -> None:
    with closing(Rivals(tmp_path)) as rivals:
        found = endings(explore(rivals.begin, lambda call: (LOST_ANSWER,) if call in CHANGES else (), 1))
    assert ONE_PASSES <= found <= ONE_PASSES | NONE_PASSES


def test_an_explored_order_can_be_run_again(tmp_path: Path) -> None:
    with closing(Rivals(tmp_path)) as rivals:
        *_, last = explore(rivals.begin)
        again = run(rivals.begin, last.chosen)
        assert (str(again), again.result.brief) == (str(last), last.result.brief)
        assert [point.state for point in again.points] == [point.state for point in last.points]


@pytest.mark.long
def test_at_most_one_passes_whatever_gets_lost_once(rivals: Rivals) -> None:
    found = endings(explore(rivals.begin, lambda call: (LOST_ANSWER, LOST_CALL), 1))
    assert ONE_PASSES <= found <= ONE_PASSES | NONE_PASSES | UNPROVEN_LOSES


@pytest.mark.parametrize("fates", [(), (LOST_ANSWER, LOST_CALL)], ids=["nothing lost", "one lost"])
def test_at_most_one_passes_where_no_key_tells_who_was_first(fates: tuple[str, ...], tmp_path: Path) -> None:
    """Boards that fetch their keys in the field pass without one, by what the fleet says alone."""
    with closing(Rivals(tmp_path, *IN_THE_FIELD)) as rivals:
        found = endings(explore(rivals.begin, lambda call: fates if call in CHANGES else (), 1))
    assert ONE_PASSES <= found <= ONE_PASSES | NONE_PASSES


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("others_list", [False, True])
def test_at_most_one_passes_in_the_field_whatever_gets_lost_twice(others_list: bool, tmp_path: Path) -> None:
    changes = (*IN_THE_FIELD, OTHERS_LIST) if others_list else IN_THE_FIELD
    with closing(Rivals(tmp_path, *changes)) as rivals:
        endings(explore(rivals.begin, lambda call: (LOST_ANSWER, LOST_CALL), 2))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_explored_orders_are_all_there_are(rivals: Rivals) -> None:
    """Without any cleverness: every order of seven calls and seven, which is what a pass takes."""
    every = orders(7, 7)
    assert endings(run(rivals.begin, order) for order in every) == endings(explore(rivals.begin))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_losses(tmp_path: Path) -> None:
    with closing(Rivals(tmp_path)) as rivals:
        found = endings(explore(rivals.begin, lambda call: (LOST_ANSWER, LOST_CALL) if call in CHANGES else (), 2))
    assert found >= ONE_PASSES


def test_every_order_is_told_once() -> None:
    few = list(orders(2, 2))
    assert len(few) == 6 and len({tuple(one) for one in few}) == 6
    assert all([who for who, _ in one].count(0) == 2 for one in few)
    assert {tuple(who for who, _ in one) for one in few} < set(product((0, 1), repeat=4))
    assert Choice(0) in few[0]
