"""What borrowers read: templates by language and tone, as data, with their placeholders checked.

A file has every tone, each with a subject and a text; the same tone has the same placeholders in
every language, so that no translation drops the amount. Values are filled in as text and never read
as templates again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from warning.packfile import PackFile
from warning.packtable import Table
from warning.treatment import TONES

FOLDER = Path(__file__).with_name("templates")
LANGUAGES = ("zh", "en")
PLACEHOLDERS = frozenset(("bank", "loans", "arrears", "days", "contact"))
_PLACE = re.compile(r"\{([^{}]*)\}")
MOST = 500
"""Characters of a text: seven short messages."""


class Template(NamedTuple):
    """A subject and a text."""

    subject: str
    text: str

    @property
    def names(self) -> frozenset[str]:
        """The placeholders of both."""
        return frozenset(_PLACE.findall(self.subject + self.text))

    def fill(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Subject and text with `values`; control characters in them become blanks."""
        clean = {name: re.sub(r"[\x00-\x1f\x7f]", " ", value) for name, value in values.items()}
        subject, text = (_PLACE.sub(lambda m: clean[m[1]], words) for words in self)
        return subject, text


Templates = Mapping[str, Mapping[str, Template]]
"""Language -> tone -> template."""


def load_templates(folder: Path = FOLDER) -> Templates:
    """All languages of a folder, checked. Errors: RuleError with file, line and word."""
    files = {language: PackFile.read(folder / f"{language}.toml") for language in LANGUAGES}
    found = {language: _templates(file) for language, file in files.items()}
    first = found[LANGUAGES[0]]
    for language, templates in found.items():
        for tone, template in templates.items():
            lost = first[tone].names ^ template.names
            if lost:
                word = sorted(lost)[0]
                message = f"{tone} has {{{word}}} in one language and not in another"
                raise files[language].error(message, word=tone, key=tone)
    return found


def _templates(file: PackFile) -> dict[str, Template]:
    head = Table(file, file.document, None)
    head.only(TONES)
    found = {}
    for tone in TONES:
        if tone not in file.document:
            raise head.wrong(tone, f"there is no [{tone}]")
        inner = Table(file, head.table(tone), None)
        inner.only(("subject", "text"))
        template = Template(inner.text("subject"), inner.text("text"))
        for key, words in template._asdict().items():
            _check(inner, key, words)
        found[tone] = template
    return found


def _check(table: Table, key: str, words: str) -> None:
    for name in _PLACE.findall(words):
        if name not in PLACEHOLDERS:
            known = ", ".join(sorted(PLACEHOLDERS))
            raise table.wrong(key, f"placeholders are {known}", word=f"{{{name}}}")
    left = _PLACE.sub("", words)
    if "{" in left or "}" in left:
        raise table.wrong(key, "a bracket of a placeholder is missing", word=key)
    if len(words) > MOST:
        raise table.wrong(key, f"at most {MOST} characters, this has {len(words)}")
    if "\n" in words or "\r" in words:
        raise table.wrong(key, "one line; the lines of a letter are its receiver's affair")
