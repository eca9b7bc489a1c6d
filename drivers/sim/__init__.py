"""The far ends: simulated boards on ptys, for rehearsals and tests.

One module a dialect (``shell``), on a ``board`` that has power and does work,
a ``memory`` that keeps flash apart from RAM and a ``wire`` that keeps to a
baud rate.  A ``fixture`` does what people and the factory do with them.  All
of it runs in one thread (``loop``), whatever the number of boards.

Nothing here is shared with the near end: a shared codec would hide a shared
mistake.  The import contracts see to it.
"""
