"""What the technician reads, by code.  One file a language; a test demands every code in each."""

from station.words.en import NEXT_TRY, WORDS


def advice(code: str) -> str:
    """Return what happened and the one thing to do, for a code of a fault or of a state."""
    return WORDS.get(code, f"{WORDS['internal']} [{code}]")


__all__ = ["NEXT_TRY", "WORDS", "advice"]
