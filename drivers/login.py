"""The dialogue of a console that asks who is there before it shows its prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from drivers.errors import LoginRefused
from drivers.table import Seconds, Table
from drivers.text import Pattern

Question = Literal["user", "password"]
"""What a board asks for."""

TRIES = 2
"""So often is a board told user and password: the first time something may have stood in the line, or been lost."""


class Login(Table):
    """``login``: what is answered to a board that asks who is there."""

    user_prompt: str = Field(default="login: ", min_length=1)
    """How the board asks for the user: literal text, the end of its line."""
    user: str = Field(min_length=1)
    """The user."""
    password_prompt: str = Field(default="Password: ", min_length=1)
    """How the board asks for the password: literal text, the end of its line."""
    password: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,31}$")
    """The name of the password among the station's ``[secrets]``; left out for a user who has none."""
    refused: Pattern = re.compile("Login incorrect", re.MULTILINE)
    """Regular expression of what the board says to a wrong user or password."""
    timeout_s: Seconds = 15.0
    """Seconds that the board may take after an answer; nothing wakes it in this time."""

    @model_validator(mode="after")
    def _two_prompts(self) -> Self:
        if self.user_prompt.rstrip().endswith(self.password_prompt.rstrip()):
            raise ValueError("user_prompt ends like password_prompt, so the user would never be asked for")
        return self


class Dialogue:
    """One login, from the first question to the prompt; says what to answer, and sends nothing itself."""

    def __init__(self, login: Login, password: str | None) -> None:
        self._login = login
        self._password = password
        self._user_asked, self._password_asked = login.user_prompt.rstrip(), login.password_prompt.rstrip()
        self._told = 0
        """So often was the user told,"""
        self._shown = 0
        """and the password."""

    @property
    def begun(self) -> bool:
        """Whether the user was told; from then on what looks like a question may begin ``Last login: ...``."""
        return self._told > 0

    def question(self, text: str) -> Question | None:
        """Return what is asked for at the end of a text; a password only of whoever was told a user."""
        last = text[max(text.rfind("\r"), text.rfind("\n")) + 1 :].rstrip()
        if self.begun and last.endswith(self._password_asked):
            return "password"
        return "user" if last.endswith(self._user_asked) else None

    def answer(self, question: Question, evidence: Mapping[str, str]) -> str:
        """Return what to answer; raises ``LoginRefused``, with the evidence, where there is nothing left to say."""
        if question == "password":
            if self._password is None:
                raise LoginRefused("the board asks for a password, and the recipe has none", **evidence)
            if self._shown == TRIES:
                raise LoginRefused(f"the board asks for the password once more, after {TRIES} tries", **evidence)
            self._shown += 1
            return self._password
        if self._told == TRIES:
            raise LoginRefused(f"the board asks for a user once more, after {TRIES} logins", **evidence)
        self._told += 1
        return self._login.user

    def heed(self, text: str, evidence: Callable[[], Mapping[str, str]]) -> None:
        """Raise ``LoginRefused`` if the board has refused the last try."""
        if self._told == TRIES and self._login.refused.search(text):
            raise LoginRefused(f"the board refuses the user {self._login.user}", **evidence())
