"""Words in letters of full blocks, to be read from metres away.

Only ``█`` and blanks: the half and quarter blocks that prettier fonts need
are missing from the bare console.  A letter is 3 by 5 points; a point grows
to as many cells as the place allows.
"""

from __future__ import annotations

_ROWS = 5
_FONT = {
    "A": "### # # ### # # # #",
    "B": "##  # # ##  # # ## ",
    "C": "### #   #   #   ###",
    "D": "##  # # # # # # ## ",
    "E": "### #   ##  #   ###",
    "F": "### #   ##  #   #  ",
    "G": "### #   # # # # ###",
    "H": "# # # # ### # # # #",
    "I": "###  #   #   #  ###",
    "J": "  #   #   # # # ###",
    "K": "# # # # ##  # # # #",
    "L": "#   #   #   #   ###",
    "M": "# # ### ### # # # #",
    "N": "##  # # # # # # # #",
    "O": "### # # # # # # ###",
    "P": "### # # ### #   #  ",
    "Q": "### # # # # ###   #",
    "R": "##  # # ##  # # # #",
    "S": "### #   ###   # ###",
    "T": "###  #   #   #   # ",
    "U": "# # # # # # # # ###",
    "V": "# # # # # # # #  # ",
    "W": "# # # # ### ### # #",
    "X": "# # # #  #  # # # #",
    "Y": "# # # #  #   #   # ",
    "Z": "###   #  #  #   ###",
    " ": "                   ",
}


def spell(word: str, width: int, height: int) -> list[str]:
    """Return the largest spelling of a word that fits, as lines of equal length.

    Empty if not even the smallest fits (4 cells a letter less one, by 5), or
    if a character has no letter here.
    """
    points = len(word) * 4 - 1
    tall = min(height // _ROWS, max(1, width // points))
    wide = min(width // points, tall * 3)  # a cell is twice as tall as wide; broader than this looks fallen over
    if tall < 1 or wide < 1 or any(letter not in _FONT for letter in word):
        return []
    lines = []
    for row in range(_ROWS):
        dots = " ".join(_FONT[letter][row * 4 : row * 4 + 3] for letter in word)
        line = "".join(("█" if dot == "#" else " ") * wide for dot in dots)
        lines += [line] * tall
    return lines
