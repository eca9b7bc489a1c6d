"""A good recipe, to be spoilt in one place at a time."""

from __future__ import annotations

from pathlib import Path

from station.recipe import Recipe, load

GOOD = """\
name = "gateway-g1"
version = "3"
dialect = "shell"

[serial]
pattern = 'G1-[0-9]{4}'

[fleet]
model = "gateway-g1"
activate = "station"
register = "station"

[link]
baud = 115200

[shell]
prompt = "=> "
identify = [
  { send = "printenv serial#", capture = 'serial#=(?P<serial>\\S+)' },
  { send = "printenv ethaddr", capture = 'ethaddr=(?P<hardware_id>\\S+)' },
]
write = "setenv {name} {value}"
quote = "single"
read = { send = "printenv {name}", capture = '{name}=(?P<value>.*)' }
error = '^Unknown command'
reply_s = 2
restart = "none"

[config]
key = "{cik}"
place = "{model}/{serial}"
"""


def loaded(path: Path, *changes: tuple[str, str]) -> Recipe:
    text = GOOD
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text)
    return load(path)
