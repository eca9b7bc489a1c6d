"""Python that runs on a MicroPython board, as text.  Pure.

Written for the smallest port there is (the micro:bit's: no ``json``, no
``hashlib``, no ``os.rename``, 9 KiB of RAM), in ASCII, so that a byte on the
wire is a character here.  A board keeps nothing of it but the globals of the
greeting, whose names begin with ``_t`` or ``_st``: each order has a namespace of its
own, with the dictionary ``kept`` for what the next one needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

BEGUN = b"\x02"
"""What a board prints first of all when a snippet has arrived whole."""

RESET = "import machine\nmachine.reset()\n"

WHO = """\
import machine,os,sys
print('serial='+''.join('%02x'%b for b in machine.unique_id()))
try:f,h=os.uname()[3:5]
except AttributeError:f,h=sys.version,sys.platform
print('firmware='+f)
print('hardware='+h)
"""
"""Who a board is, if the recipe doesn't know better: the chip's own number, the firmware, what it runs on."""

# The checksum stays a small integer on every port.  No name becomes another one by losing a byte.
_OBEY = """\
print('\\x02')
try:
 _st
 print('known')
except NameError:print('fresh')
def _st(s,n):
 h=0
 for c in s:h=(h*31+ord(c))%16777213
 if h==n:
  print('\\x02')
  exec(s,{'kept':_tk})
 else:print('misheard')
_tk={}
"""

_SIGN = """\
def sign(p):
 try:
  try:import hashlib
  except ImportError:import uhashlib as hashlib
  d=hashlib.sha256()
 except (ImportError,AttributeError):return 'none'
 with open(p,'rb') as f:
  while 1:
   b=f.read(256)
   if not b:break
   d.update(b)
 return ''.join('%02x'%b for b in d.digest())
"""

_TELL = """\
def tell(p):
 h=0
 print('<',end='')
 with open(p) as f:
  while 1:
   b=f.read(64)
   if not b:break
   print(b,end='')
   for c in b:
    if c not in '\\r\\n':h=(h*31+ord(c))%16777213
 print('>',h)
"""

_KEEP = """\
import os
def sync():
 if hasattr(os,'sync'):os.sync()
def keep(n,p):
 sync()
 if hasattr(os,'rename'):
  os.rename(n,p)
  sync()
  return 'renamed'
 with open(n,'rb') as f:
  with open(p,'wb') as g:
   while 1:
    b=f.read(64)
    if not b:break
    g.write(b)
 return 'copied'
"""


def checksum(text: str) -> int:
    """Return what a board makes of a text that arrives whole."""
    total = 0
    for code in map(ord, text):
        total = (total * 31 + code) % 16777213
    return total


def greeting() -> str:
    """Return code that says whether the board was greeted since it started, and teaches it to obey ``order``.

    It does so only if it has arrived whole: a byte that got lost outside of the literal is an error of syntax or an
    unknown name.
    """
    return f"_ts={_OBEY!a}\n_th=0\nfor _tc in _ts:_th=(_th*31+ord(_tc))%16777213\nif _th=={checksum(_OBEY)}:exec(_ts)\n"


def order(code: str) -> str:
    """Return a line that makes a board which was greeted run ``code``, if it arrives whole."""
    return f"_st({code!a},{checksum(code)})\n"


def document(settings: Mapping[str, str]) -> str:
    """Return the settings as they stand in the file: one JSON object, ASCII, always the same for the same settings."""
    return json.dumps(dict(settings), separators=(",", ":"))


def pieces(settings: Mapping[str, str], size: int) -> list[str]:
    """Return the document in pieces of at most ``size`` characters; settings that fit are not cut."""
    parts = [("," if at else "{") + document({item[0]: item[1]})[1:-1] for at, item in enumerate(settings.items())]
    parts[-1:] = [(parts[-1] if parts else "{") + "}"]
    found: list[str] = []
    held = ""
    for part in parts:
        if held and len(held) + len(part) > size:
            found.append(held)
            held = ""
        held += part
        while len(held) > size:
            found.append(held[:size])
            held = held[size:]
    return [*found, held] if held else found


def writing(path: str, parts: list[str]) -> list[str]:
    """Return the orders that write a file anew, one a piece; the last one closes it and signs it (``signed``)."""
    first, last = f"kept['f']=open({path!a},'w')\n", f"kept.pop('f').close()\n{sign(path)}"
    writes = [f"kept['f'].write({part!a})\n" for part in parts]
    return [
        (first if at == 0 else "") + write + (last if at == len(writes) - 1 else "") for at, write in enumerate(writes)
    ]


def sign(path: str) -> str:
    """Return code that prints ``sha256 HEX`` of a file, ``sha256 none`` where the board can't, ``sha256 missing``."""
    return f"{_SIGN}try:print('sha256',sign({path!a}))\nexcept OSError:print('sha256 missing')\n"


def tell(path: str) -> str:
    """Return code that prints ``<TEXT> CHECKSUM`` of a text file, without line ends; else ``nothing``."""
    return f"{_TELL}try:tell({path!a})\nexcept (OSError,ValueError):print('nothing')\n"


def told(said: str) -> str | None:
    """Return the text that ``tell`` has printed, in one line; None for nothing.  Raises ``ValueError`` if damaged."""
    found = re.search(r"<(.*)> ([0-9]+)\Z", said.replace("\n", ""))
    if found and checksum(found[1]) == int(found[2]):
        return found[1]
    if said.endswith("nothing"):
        return None
    raise ValueError(said)


def signed(said: str) -> str:
    """Return the word that ``sign`` has printed after ``sha256``.  Raises ``ValueError`` if it is damaged."""
    found = re.search(r"^sha256 ([0-9a-f]{64}|none|missing)$", said, re.MULTILINE)
    if not found:
        raise ValueError(said)
    return found[1]


def keep(new: str, path: str) -> str:
    """Return code that gives a new file its name and prints ``renamed``; ``copied`` where files can't be renamed."""
    return f"{_KEEP}print(keep({new!a},{path!a}))\n"


def drop(path: str) -> str:
    """Return code that removes a file and prints ``dropped``."""
    return f"import os\nos.remove({path!a})\nprint('dropped')\n"
