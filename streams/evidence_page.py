"""A pack of evidence as one page that needs nothing else: for a court, an auditor, a printer.

Written from the pack's document alone, which it holds in full, so that a check can write it anew
and compare every byte.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import orjson

from ledger.evidence import Document
from ledger.evidence_check import PackUnreadable, read_pack

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EMBEDDED = re.compile(rb'<script type="application/json" id="evidence">(.*?)</script>', re.DOTALL)
_STYLE = """
body{margin:2em auto;max-width:1100px;color:#1d2a38;
font:13px/1.45 "Noto Sans CJK SC","Microsoft YaHei",sans-serif}
h1{font-size:22px}h2{font-size:15px;margin-top:2em}table{border-collapse:collapse;
width:100%;table-layout:fixed}td{overflow-wrap:anywhere}
th:nth-child(1){width:11%}th:nth-child(2){width:17%}th:nth-child(4){width:34%}
td,th{border-bottom:1px solid #d9dfe5;padding:4px 8px 4px 0;text-align:left;
vertical-align:top}th{color:#5c6b7a}code{font-size:11px;word-break:break-all}dl{display:grid;
grid-template-columns:max-content 1fr;gap:2px 16px}dt{color:#5c6b7a}dd{margin:0}
@media print{body{margin:0;font-size:9px}code{font-size:7px}tr{break-inside:avoid}}
"""


def page_of(document: Document) -> bytes:
    """The page of a pack."""
    title = f"Evidence 证据 · {escape(document['case_id'])}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body><h1>{title}</h1>',
        _head(document),
        _derived(document["derived"]),
        _facts(document["facts"]),
        f'<script type="application/json" id="evidence">{_embedded(document)}</script>',
        "</body></html>\n",
    ]
    return "".join(parts).encode()


def document_in(page: bytes) -> Document:
    """The document that a page holds. Errors: PackUnreadable."""
    found = _EMBEDDED.search(page)
    if found is None:
        raise PackUnreadable(
            "The page holds no evidence.", way_out="Name a file that `loanbell case pack` wrote."
        )
    return read_pack(found.group(1))


def faults_of_page(page: bytes, document: Document) -> list[str]:
    """What a page shows otherwise than its document says; none when each byte follows from it."""
    try:
        same = page_of(document) == page
    except (KeyError, TypeError, ValueError, AttributeError):
        same = False
    return [] if same else ["the page does not show what its document says: it was changed"]


def _embedded(document: Document) -> str:
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _head(document: Document) -> str:
    subjects = document["subjects"]
    rows = [
        ("Case 案件", document["case_id"]),
        ("Borrower 借款人", subjects["borrower_id"]),
        ("Loans 贷款", ", ".join(subjects["loan_ids"])),
        ("Accounts 账户", ", ".join(subjects["account_ids"]) or "–"),
        ("Made 制作时间", _moment(document["made_us"])),
        ("Amounts 金额", "in minor units, such as cents 以分计"),
        *(
            (f"Log {name} 账本", f"{end['position']} · {end['chain']}")
            for name, end in sorted(document["logs"].items())
        ),
        ("SHA-256", document["sha256"]),
        ("Check 核验", "loanbell check --pack FILE [--data FOLDER] [--anchor FILE]"),
    ]
    return _list(rows)


def _derived(derived: Document) -> str:
    parts = [f"<h2>What follows from the facts by {escape(derived['day'])} 由事实推导</h2>"]
    for title, name in (
        ("Promises 还款承诺", "promises"),
        ("Limitation (unverified) 诉讼时效", "limitation"),
        ("Judgments (interest unverified) 判决", "judgments"),
    ):
        parts.append(f"<h2>{title}</h2>")
        parts += [_list(sorted(each.items())) for each in derived[name]] or ["<p>–</p>"]
    return "".join(parts)


def _facts(facts: list[Document]) -> str:
    rows = "".join(map(_fact, facts))
    return (
        f"<h2>Facts 事实 ({len(facts)})</h2><table><thead><tr><th>Recorded 记录</th>"
        f"<th>Fact 事实</th><th>Content 内容</th><th>Proof 证明</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _fact(fact: Document) -> str:
    content = orjson.loads(fact["state"])
    recorded = _moment(content.pop("recorded_at_us"))
    shown = "<br>".join(
        f"{escape(name)}: {escape(_text(content[name]))}" for name in sorted(content)
    )
    place = f"{fact['log']} {fact['position']}<br>{fact['stream']}@{fact['version']}"
    return (
        f"<tr><td>{recorded}</td><td>{escape(fact['topic'])}</td><td>{shown}</td>"
        f"<td>{place}<br><code>{fact['before']}<br>→ {fact['chain']}</code></td></tr>"
    )


def _list(rows: Any) -> str:
    return (
        "<dl>"
        + "".join(
            f"<dt>{escape(str(name))}</dt><dd>{escape(_text(value))}</dd>" for name, value in rows
        )
        + "</dl>"
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _moment(at_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(sep=" ", timespec="seconds")
