"""The station's colours, chosen for the bare Linux console first.

A 16-colour terminal gets the nearest of its own, so each colour lies next to
one of them; black letters are never bold, since the console turns those grey;
only the eight dark colours serve as backgrounds, because it has no others.
"""

from __future__ import annotations

from textual.theme import Theme

THEME = Theme(
    name="station",
    primary="#55ffff",
    foreground="#f0f0f0",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
    variables={
        "calm": "#b8b8b8",
        "good": "#12a52f",
        "bad": "#b00020",
        "ours": "#9a5400",
        "told-later": "#00a0a8",
        "cut-short": "#aaaaaa",
        "alert": "#ffe14d",
        "work": "#6be6ff",
        "footer-background": "#000000",
        "footer-foreground": "#b8b8b8",
        "footer-item-background": "#000000",
        "footer-key-background": "#aaaaaa",
        "footer-key-foreground": "#000000",
        "footer-description-background": "#000000",
        "footer-description-foreground": "#f0f0f0",
        "block-hover-background": "#000000",
    },
)
