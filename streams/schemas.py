"""What is on the topics, for other programs: JSON Schemas and an AsyncAPI document, from the code.

The facts' schemas come from their classes, the messages' from theirs, the grades' from the table
that the view writes; so they cannot say something else than what is sent. Facts that were recorded
by an earlier version, and are of an earlier shape, carry its number in their type; their schemas
are those of today without what was added since.
Source: AsyncAPI 3.0.0, asyncapi.com; JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from ledger.codec import Codec, added_since, codecs
from ledger.events import MessageRefused
from streams.api.shapes import SCHEMAS
from streams.feeds import CONTENT_TYPE, GRADE_CHANGED, SPEC_VERSION
from streams.signing import ID, SIGNATURE, TIMESTAMP
from streams.topics import (
    GRADES_TOPIC,
    LEDGER_TOPIC,
    REJECTS_TOPIC,
    TOPICS,
    TRANSACTIONS_TOPIC,
    WARNINGS_TOPIC,
    json_schema,
)

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "asyncapi.json"
_TOPICS = {"warning": WARNINGS_TOPIC, "score": WARNINGS_TOPIC, "audit": None}
"""Modules of facts that are not of the ledger log."""
_FORMAT = "application/schema+json;version=draft-2020-12"
_REF = "#/$defs/{model}"
_KEYS = {
    TRANSACTIONS_TOPIC: "The borrower's id: all of a borrower's loans meet in one partition.",
    LEDGER_TOPIC: "The stream of the fact, such as loan:L1.",
    WARNINGS_TOPIC: "The loan's id; for rules and scores the name of their stream.",
    GRADES_TOPIC: "The loan's id: compaction keeps a loan's present grade.",
    REJECTS_TOPIC: "refusals.",
}


def documents() -> dict[str, Schema]:
    """File name -> document: a schema for each topic, and the AsyncAPI document over them."""
    facts: dict[str, dict[str, Schema]] = {
        LEDGER_TOPIC: {}, WARNINGS_TOPIC: {}, REJECTS_TOPIC: {},
    }  # fmt: skip
    for codec in codecs():
        topic = topic_of(codec)
        if topic is not None:
            facts[topic] |= _versions(codec)
    grade = {"description": "A loan's risk grade changed.", **SCHEMAS["GradeChange"]}
    told = {**facts, GRADES_TOPIC: {GRADE_CHANGED: grade}}
    schemas = {name: _schema(name, kinds) for name, kinds in told.items()}
    schemas[TRANSACTIONS_TOPIC] = json_schema()
    files = {f"{name}.json": schema for name, schema in sorted(schemas.items())}
    return {**files, ASYNCAPI: _asyncapi(told)}


def write(folder: Path) -> list[Path]:
    """Write all documents into `folder`; returns their paths. Errors: OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, document in documents().items():
        path = folder / name
        path.write_bytes(text_of(document))
        written.append(path)
    return written


def text_of(document: Schema) -> bytes:
    """A document as it stands in its file."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def topic_of(codec: Codec) -> str | None:
    """The topic that facts of a kind are published on; None for those of the audit log."""
    if codec.cls is MessageRefused:
        return REJECTS_TOPIC
    return _TOPICS.get(codec.cls.__module__.rpartition(".")[2], LEDGER_TOPIC)


def _schema(topic: str, kinds: Mapping[str, Schema]) -> Schema:
    """One document for a topic: any of its kinds; parts that kinds share stand beside them."""
    parts: dict[str, Schema] = {}
    for kind in kinds.values():
        parts |= kind.get("$defs", {})
    bare = {name: {k: v for k, v in kind.items() if k != "$defs"} for name, kind in kinds.items()}
    return {
        "$schema": DIALECT,
        "$id": f"urn:{topic}",
        "title": topic,
        "anyOf": [{"$ref": _REF.format(model=name)} for name in kinds],
        "$defs": {**bare, **dict(sorted(parts.items()))},
    }


def _versions(codec: Codec) -> dict[str, Schema]:
    """The schemas of a fact by type: as it is recorded now, and as older books hold it."""
    schema = _fact(codec.cls)
    found = {codec.topic: schema}
    for version in range(codec.version - 1, 0, -1):
        name = f"{codec.name}.v{version}"
        schema = _older(schema, name, added_since(codec.name, version))
        said = f"Version {version}, as books that it was recorded in hold it."
        found[name] = {**schema, "description": said}
    return found


def _older(schema: Schema, name: str, added: Iterable[str]) -> Schema:
    """A schema without the fields that a version `added`; parts that lose some become its own."""
    older: Schema = deepcopy(schema)
    for path in added:
        *parents, field = path.split(".")
        part = older
        for parent in parents:
            part = _own_part(older, part["properties"], parent, name)
        del part["properties"][field]
        part["required"].remove(field)
    return older


def _own_part(schema: Schema, properties: Schema, field: str, name: str) -> Schema:
    """The part that a field refers to, under a name of its own."""
    model = properties[field]["$ref"].rpartition("/")[2]
    own = model if model.endswith(name) else f"{model}.{name}"
    properties[field] = {**properties[field], "$ref": _REF.format(model=own)}
    part: Schema = schema["$defs"].setdefault(own, deepcopy(schema["$defs"][model]))
    return part


def _fact(cls: type) -> Schema:
    """The schema of a fact as it is stored: every field is there, and no other."""
    schema = TypeAdapter(cls).json_schema(mode="serialization", ref_template=_REF)
    for each in (schema, *schema.get("$defs", {}).values()):
        if each.get("type") == "object":
            each["required"] = sorted(each["properties"])
            each["additionalProperties"] = False
            for field in each["properties"].values():
                field.pop("title", None)
                field.pop("default", None)
    return schema


# -- AsyncAPI ------------------------------------------------------------------------------------


def _asyncapi(told: Mapping[str, Mapping[str, Schema]]) -> Schema:
    kinds = {name: topic for topic, of_topic in told.items() for name in of_topic}
    messages = {
        name: _message(name, topic, told[topic][name].get("description", ""))
        for name, topic in kinds.items()
    }
    messages["transaction"] = _transaction()
    by_topic = {topic: list(of_topic) for topic, of_topic in told.items()}
    by_topic[TRANSACTIONS_TOPIC] = ["transaction"]
    warnings = by_topic[WARNINGS_TOPIC]
    channels = {topic: _channel(topic, by_topic[topic]) for topic in TOPICS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "LoanBell",
            "version": installed_version("loanbell"),
            "description": "Transactions in; facts, early warnings and risk grades out, as "
            "CloudEvents, at least once: drop an event whose id you have. Order holds within a "
            "key.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {**channels, "receiver": _receiver(warnings)},
        "operations": {
            **{_operation(topic): _done(topic) for topic in TOPICS},
            "postToReceiver": {
                "action": "send",
                "channel": {"$ref": "#/channels/receiver"},
                "summary": "Tell a webhook, signed as standardwebhooks.com says.",
                "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
            },
        },
        "components": {
            "messages": {**messages, "webhook": _webhook()},
            "schemas": {"CloudEventHeaders": _headers()},
        },
    }


def _channel(topic: str, messages: Iterable[str]) -> Schema:
    policy = TOPICS[topic].get("cleanup.policy", "delete")
    bound: Schema = {"cleanup.policy": [policy]}
    if "retention.ms" in TOPICS[topic]:
        bound["retention.ms"] = int(TOPICS[topic]["retention.ms"])
    return {
        "address": topic,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "kafka": {"topic": topic, "topicConfiguration": bound, "bindingVersion": "0.5.0"}
        },
    }


def _receiver(kinds: Iterable[str]) -> Schema:
    return {
        "address": None,
        "description": "A receiver of the operator's file: by default all of the warnings, else "
        f"grades or the ledger. Of warnings: {', '.join(kinds)}; what is pending or lapsed only "
        "where its types name it.",
        "messages": {"webhook": {"$ref": "#/components/messages/webhook"}},
    }


def _operation(topic: str) -> str:
    word = topic.split(".")[1].capitalize()
    return f"receive{word}" if topic == TRANSACTIONS_TOPIC else f"publish{word}"


def _done(topic: str) -> Schema:
    action = "receive" if topic == TRANSACTIONS_TOPIC else "send"
    return {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}


def _message(name: str, topic: str, description: str) -> Schema:
    key = {"type": "string", "description": _KEYS[topic]}
    return {
        "name": name,
        "summary": description.splitlines()[0] if description else name,
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
        "payload": {"schemaFormat": _FORMAT, "schema": {"$ref": f"{topic}.json#/$defs/{name}"}},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _transaction() -> Schema:
    key = {"type": "string", "description": _KEYS[TRANSACTIONS_TOPIC]}
    return {
        "name": "transaction",
        "summary": "One message, or several, one a line.",
        "contentType": CONTENT_TYPE,
        "payload": {"schemaFormat": _FORMAT, "schema": {"$ref": f"{TRANSACTIONS_TOPIC}.json"}},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }


def _headers() -> Schema:
    """The headers of a CloudEvent in Kafka's binary mode."""
    words = {
        "ce_specversion": {"type": "string", "const": SPEC_VERSION},
        "ce_id": {"type": "string", "description": "The same however often it is sent."},
        "ce_source": {"type": "string", "description": "/loanbell/<partition>/<log>"},
        "ce_type": {"type": "string", "description": "The name of the message."},
        "ce_subject": {"type": "string", "description": "The stream it speaks of: loan:L1."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When recorded."},
        "content-type": {"type": "string", "const": CONTENT_TYPE},
    }
    return {"type": "object", "properties": words, "required": list(words)}


def _webhook() -> Schema:
    """A CloudEvent in structured mode, with the headers that sign it."""
    text = {"type": "string"}
    body = dict.fromkeys(("id", "source", "type", "subject", "datacontenttype"), text)
    properties = {
        "specversion": {"const": SPEC_VERSION},
        **body,
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object", "description": "As on the topic, by `type`."},
    }
    signed = {
        ID: {"type": "string", "description": "The event's id."},
        TIMESTAMP: {"type": "string", "description": "Unix seconds of this attempt."},
        SIGNATURE: {"type": "string", "description": "v1,<base64 HMAC-SHA256>, one a key."},
    }
    return {
        "name": "webhook",
        "summary": "One event, in the order of its log; it is sent until it is answered 2xx.",
        "contentType": "application/cloudevents+json",
        "headers": {"type": "object", "properties": signed, "required": list(signed)},
        "payload": {"type": "object", "properties": properties, "required": list(properties)},
        "bindings": {"http": {"bindingVersion": "0.3.0"}},
    }
