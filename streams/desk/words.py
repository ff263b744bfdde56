"""What the pages say, in English and Chinese: one entry holds both, so neither can be forgotten."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("en", "zh")
LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
HTML_LANGUAGES = {"en": "en", "zh": "zh-CN"}


@cache
def catalogue() -> Mapping[str, tuple[str, str]]:
    """Every text by its key, "group.name": English, then Chinese."""
    text = (files("streams.desk") / "words.toml").read_text("utf-8")
    return {
        f"{group}.{name}": (entry[0], entry[1])
        for group, entries in tomllib.loads(text).items()
        for name, entry in entries.items()
    }


class Words:
    """The catalogue in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def say(self, key: str, **fields: object) -> str:
        """The text of `key` with its fields filled. Errors: KeyError for a key it has not."""
        text = catalogue()[key][self._place]
        return text.format(**fields) if fields else text

    def name(self, group: str, word: object) -> str:
        """A stored word as people say it; one that the catalogue does not know, as it is.

        A short word of a name's letters alone has its underscores taken out; what people wrote
        stays as they wrote it.
        """
        known = catalogue().get(f"{group}.{word}")
        if known is not None:
            return known[self._place]
        told = str(word)
        return told.replace("_", " ") if told.isidentifier() else told


def language_of(cookie: str | None, accepted: str) -> str:
    """The language to speak: the one chosen, else the first that the browser asks for and we have.

    `accepted` is the header Accept-Language, whose weights are taken in the order they are written.
    """
    if cookie in LANGUAGES:
        return str(cookie)
    for part in accepted.split(","):
        wanted = part.strip()[:2].lower()
        if wanted in LANGUAGES:
            return wanted
    return LANGUAGES[0]
