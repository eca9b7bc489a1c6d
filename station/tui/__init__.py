"""The technician's screen, on Textual; the only room that imports it."""
