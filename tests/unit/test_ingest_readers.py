"""Files of messages are read in pieces with line numbers, from any line on, in bounded memory."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ledger.commands import DebitAccount, OpenLoan, ScheduleInstalments
from ledger.errors import LoanError
from streams.ingest import read
from streams.readers import COLUMNS, LONGEST_LINE, FileUnreadable, Piece, pieces, survey

CSV = """type,transaction_id,value_date,account_id,amount,currency,flow
account_debited,T1,2024-03-29,A1,5.00,CNY,wages

account_debited,T2,2024-03-29,A1,"5,00",CNY,
account_debited,T3,2024-03-29,A1,6.00
account_debited,T4,2024-03-29,A1,7.00,CNY,
"""


def all_of(path: Path, *, after_line: int = 0) -> list[Piece]:
    return list(pieces(path, is_csv=survey(path).is_csv, after_line=after_line))


def test_lines_keep_their_numbers_over_blank_ones_and_a_missing_last_end(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"a":2}\n{"a":3}')
    found = all_of(file)
    assert [(p.line, p.body) for p in found] == [(1, b'{"a":1}'), (4, b'{"a":2}'), (5, b'{"a":3}')]
    assert found[-1].end_byte == survey(file).content_bytes == file.stat().st_size
    assert [p.line for p in all_of(file, after_line=4)] == [5]
    assert all_of(file, after_line=5) == []


def test_a_gzip_file_is_the_same_source_as_its_content(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    content = b'{"type":"business_day_closed"}\n' * 3
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert survey(plain) == survey(packed)
    assert survey(plain).has_closes
    assert all_of(plain) == all_of(packed)


def test_a_close_is_found_on_the_edge_of_two_chunks(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b" " * ((1 << 20) - 10) + b"business_day_closed")
    assert survey(file).has_closes
    file.write_bytes(b" " * ((1 << 20) - 10) + b"business_day_close!")
    assert not survey(file).has_closes


def test_an_endless_line_is_cut_and_the_next_one_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"x" * (2 * LONGEST_LINE + 5) + b"\n{}\n")
    first, second = all_of(file)
    assert (first.line, len(first.body)) == (1, LONGEST_LINE)
    assert (second.line, second.body) == (2, b"{}")
    refused = read(first.body, source="s", offset=1, accepted_us=0)
    assert refused.error is not None
    assert refused.error.code == "message_too_large"


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_gzip_file_is_refused_before_anything_is_recorded(
    tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "a.jsonl.gz"
    packed = bytearray(gzip.compress(json.dumps(list(range(5000))).encode()))
    file.write_bytes(packed[:-20] if damage == "cut" else packed[:500] + b"??" + packed[502:])
    with pytest.raises(FileUnreadable, match="damaged"):
        survey(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"none\.jsonl cannot be read"):
        survey(tmp_path / "none.jsonl")


def test_csv_rows_become_messages_and_bad_rows_say_why(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(CSV)
    found = all_of(file)
    assert [(p.line, p.error.code if p.error else "") for p in found] == [
        (2, ""), (4, ""), (5, "not_csv"), (6, ""),
    ]  # fmt: skip
    assert found[0].found == b"account_debited,T1,2024-03-29,A1,5.00,CNY,wages"
    first = read(found[0].body, source="s", offset=2, accepted_us=0).command
    assert isinstance(first, DebitAccount)
    assert (first.amount_minor, first.flow) == (500, "wages")
    comma = read(found[1].body, source="s", offset=4, accepted_us=0).error
    assert comma is not None
    assert comma.code == "invalid_amount"
    assert [p.line for p in all_of(file, after_line=4)] == [5, 6]


def test_csv_cells_reach_nested_fields_lists_numbers_and_flags(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        "type,transaction_id,value_date,loan_id,borrower_id,product,currency,principal,"
        "terms.method,terms.instalments,terms.rate_percent,terms.allocation,officer_id,branch,"
        "instalments\n"
        'loan_opened,T1,2024-03-29,L1,B1,line,CNY,1000,annuity,12,4.35,"[""interest"",'
        '""principal""]",O1,杭州,\n'
        "instalments_scheduled,T2,2024-03-29,L1,,,CNY,,,,,,,,"
        '"[{""number"": 1, ""due_date"": ""2024-04-29"", ""principal"": ""1"",\n'
        ' ""interest"": ""0""}]"\n'
    )
    found = all_of(file)
    assert [(p.line, p.last_line) for p in found] == [(2, 2), (3, 4)]
    opened, scheduled = (
        read(p.body, source="s", offset=p.line, accepted_us=0).command for p in found
    )
    assert isinstance(opened, OpenLoan)
    assert (opened.terms.instalments, opened.terms.allocation) == (12, ("interest", "principal"))
    assert isinstance(scheduled, ScheduleInstalments)
    assert scheduled.instalments[0].principal_minor == 100


def test_csv_that_is_not_utf8_or_never_ends_a_quote_costs_its_rows_only(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b'type,branch\nloan_closed,\xff\xfe\nloan_closed,x\nloan_closed,"open\n')
    found = all_of(file)
    assert [p.error.code if p.error else "" for p in found] == ["not_utf8", "", "not_csv"]
    assert found[0].found == b"loan_closed,\xff\xfe"


def rows_of(count: int, **cells: str) -> list[str]:
    """Repayments of loans L0, L1, …; `cells` gives some of them another loan id, by row."""
    return [
        f"repayment_received,T{n},2024-03-29,{cells.get(f'r{n}', f'L{n}')},1.00,CNY"
        for n in range(count)
    ]


def seen(piece: Piece) -> tuple[int, int, bytes, bytes, str]:
    return piece.line, piece.end_byte, piece.body, piece.found, str(piece.error)


@pytest.mark.parametrize(
    ("stray", "last"),
    [
        ({"r1": '"L1'}, 2_101),  # never closed: up to the end of the file
        ({"r1": '"L1', "r2000": '"L2000"'}, 2_002),  # closed where the next quote opens
        ({"r1": '"L1', "r900": 'L900"'}, 902),  # closed in the same column: the cells fit
        ({"r1": '"L1', "r900": 'L"900,"'}, 902),  # closed, and a cell too many
    ],
)
def test_a_stray_quote_costs_its_own_line_and_no_row_behind_it(
    tmp_path: Path, stray: dict[str, str], last: int
) -> None:
    file = tmp_path / "a.csv"
    header = "type,transaction_id,value_date,loan_id,amount,currency"
    file.write_text("\n".join([header, *rows_of(2_100, **stray)]) + "\n")
    found = all_of(file)
    assert [p.line for p in found] == list(range(2, 2_102))
    assert all(p.line == p.last_line for p in found)
    first = found[1]
    assert first.error is not None
    assert f"A quote opens in line 3, and what follows up to line {last} " in str(first.error)
    assert first.found == b'repayment_received,T1,2024-03-29,"L1,1.00,CNY'
    read_in = [read(p.body, source="s", offset=p.line, accepted_us=10**18) for p in found[2:899]]
    assert all(one.error is None for one in read_in)
    # The same from any line on, and the bytes read are those up to each line's end.
    assert list(map(seen, all_of(file, after_line=3))) == list(map(seen, found[2:]))
    assert found[-1].end_byte == file.stat().st_size
    assert found[1].end_byte == len(f"{header}\n") + len(found[0].found) + len(first.found) + 2


def test_a_text_of_several_lines_is_one_row(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text('type,reason\nloan_closed,"a\nb"\nloan_closed,c\n')
    assert [(p.line, p.last_line, p.error) for p in all_of(file)] == [(2, 3, None), (4, 4, None)]


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_file_with_other_separators_is_told_so(tmp_path: Path, mark: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(f'"type"{mark}amount\nrepayment_received{mark}"1,00"\n')
    with pytest.raises(LoanError, match="are separated by") as refused:
        all_of(file)
    assert repr(mark) in str(refused.value)
    assert refused.value.way_out.startswith("Separate columns by commas")


def test_a_byte_order_mark_before_a_quoted_header_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b'\xef\xbb\xbf"type","branch"\r\n"loan_closed","x"\r\n')
    (found,) = all_of(file)
    assert (found.line, found.body) == (2, b'{"type":"loan_closed","branch":"x"}')
    assert found.end_byte == file.stat().st_size


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("type,amont", "amont"),
        ("type,amount,amount", "twice"),
        ("amount,currency", "no column type"),
        ("type,terms", "terms"),
    ],
)
def test_a_wrong_csv_header_refuses_the_file(tmp_path: Path, header: str, words: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(header + "\n1,2,3\n")
    with pytest.raises(LoanError, match=words):
        all_of(file)


def test_an_empty_file_has_no_messages(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        (tmp_path / name).write_bytes(b"")
        assert all_of(tmp_path / name) == []


def test_every_field_of_every_message_has_its_column() -> None:
    assert {"months_past_due", "active", "terms.first_due_date", "sent_at"} <= COLUMNS.keys()
    assert COLUMNS["months_past_due"]("12") == 12
    assert COLUMNS["active"]("TRUE") is True
    assert COLUMNS["loan_id"]("12") == "12"
