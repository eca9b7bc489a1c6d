"""The provisioning station: gives connected boards their identity on the line.

Start reading at ``model.py`` (the words), ``steps.py`` (what happens to a
board) and ``cycle.py`` (how each step is made safe).  The import directions
are a contract in ``pyproject.toml``.
"""

__version__ = "0.1.0"
