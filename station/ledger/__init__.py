"""The audit ledger: what happened to every board, in one SQLite file.

Writing is done by ``Ledger`` alone, and each of its calls returns once it is
on the disk.  ``chain`` says what is hashed, ``schema`` what the tables hold,
``read`` answers questions from a connection of its own.
"""

from station.ledger.history import History
from station.ledger.read import BoardRow, CycleRow, Past, Reader, SettledStep
from station.ledger.write import STATION, HardwareOpenElsewhere, Ledger, SerialOpenElsewhere

__all__ = [
    "STATION",
    "BoardRow",
    "CycleRow",
    "HardwareOpenElsewhere",
    "History",
    "Ledger",
    "Past",
    "Reader",
    "SerialOpenElsewhere",
    "SettledStep",
]
