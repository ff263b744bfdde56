"""The schemas that other programs read are those of the code, and fit what is really stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest

from ledger.codec import codecs
from streams.schemas import ASYNCAPI, documents, text_of, topic_of
from streams.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "deploy" / "schemas"
GOLDEN = ROOT / "tests" / "golden"
PUBLISHED = {
    f"{codec.name}.v{version}"
    for codec in codecs()
    for version in range(1, codec.version + 1)
    if topic_of(codec) is not None
}
"""Every version of every fact: a topic holds what was recorded by all of them."""
STORED = [
    path
    for path in sorted(GOLDEN.glob("*.json"))
    if path.name.removesuffix(".json").removesuffix(".edge") in PUBLISHED
]


def test_the_committed_files_are_what_the_code_says_now() -> None:
    # After a change of what is published: loanbell schemas --out deploy/schemas
    said = {name: text_of(document) for name, document in documents().items()}
    assert sorted(said) == sorted(path.name for path in SCHEMAS.iterdir())
    assert [name for name in said if (SCHEMAS / name).read_bytes() != said[name]] == []


def validator(name: str) -> Any:
    """Of one kind of fact."""
    for document in documents().values():
        if name in document.get("$defs", {}):
            whole = {**document, "anyOf": [{"$ref": f"#/$defs/{name}"}]}
            return jsonschema_rs.validator_for(whole)
    raise AssertionError(name)


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_every_stored_fact_fits_its_schema_and_nothing_less_or_more_does(path: Path) -> None:
    fits = validator(path.name.removesuffix(".json").removesuffix(".edge")).is_valid
    fact = orjson.loads(path.read_bytes())
    assert fits(fact)
    assert not fits({**fact, "unheard_of": 1})
    for field in fact:
        assert not fits({name: value for name, value in fact.items() if name != field})


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_everything_that_the_documents_refer_to_is_there() -> None:
    made = documents()
    checked = 0
    for name, document in made.items():
        for reference in references(document):
            file, _, place = reference.partition("#")
            found: Any = made[file or name]
            for step in place.split("/")[1:]:
                found = found[step]
            checked += 1
    assert checked > 200


def test_every_topic_is_a_channel_and_every_fact_a_message_of_exactly_one() -> None:
    document = documents()[ASYNCAPI]
    channels = document["channels"]
    assert set(channels) == {*TOPICS, "receiver"}
    listed = [name for topic in TOPICS for name in channels[topic]["messages"]]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {*PUBLISHED, "grade.changed.v1", "transaction"}
    assert list(channels["loanbell.rejects.v1"]["messages"]) == ["message.refused.v1"]
    told = set(channels["loanbell.warnings.v1"]["messages"])
    assert {name.partition(".")[0] for name in told} == {"warning", "rules", "score"}
    assert not [name for name in listed if name.startswith("audit.")]
    compacted = channels["loanbell.grades.v1"]["bindings"]["kafka"]["topicConfiguration"]
    assert compacted == {"cleanup.policy": ["compact"]}


def test_an_older_version_has_exactly_the_fields_that_its_facts_have() -> None:
    versions = ("loan.opened.v1", "loan.opened.v2")
    for name in versions:
        fact = orjson.loads((GOLDEN / f"{name}.json").read_bytes())
        assert validator(name).is_valid(fact)
        more = {**fact, "terms": {**fact["terms"], "unheard_of": 1}}
        less = {**fact, "terms": {k: v for k, v in fact["terms"].items() if k != "method"}}
        assert not validator(name).is_valid(more)
        assert not validator(name).is_valid(less)
    old, new = (orjson.loads((GOLDEN / f"{name}.json").read_bytes()) for name in versions)
    assert not validator("loan.opened.v1").is_valid(new)
    assert not validator("loan.opened.v2").is_valid(old)
