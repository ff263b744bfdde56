"""Figures as people and programs get them: console, HTTP, CSV and Parquet give the same rows."""

from __future__ import annotations

import builtins
import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyarrow import BufferReader, parquet
from typer.testing import CliRunner

from projections.figure_files import ParquetMissing, as_csv, as_parquet
from projections.figures import Figure
from projections.queries import Ask, Queries, figure_names
from streams.cli import commands


@pytest.fixture(scope="module")
def folder(recorded_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of this module."""
    data = tmp_path_factory.mktemp("figures") / "data"
    data.mkdir()
    for name in ("ledger.db", "views.db"):
        shutil.copy(recorded_book.parent / name, data / name)
    return data


@pytest.fixture
def queries(folder: Path) -> Iterator[Queries]:
    reads = Queries.open(folder / "views.db")
    yield reads
    reads.close()


def console(folder: Path, *words: str | Path) -> str:
    result = CliRunner().invoke(commands(), ["portfolio", *map(str, words), "--data", str(folder)])
    assert result.exit_code == 0, result.exception or result.stderr
    return result.stdout


def outside(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {name: v.isoformat() if isinstance(v, date) else v for name, v in row.items()}


@pytest.mark.parametrize("name", figure_names())
def test_console_json_csv_and_parquet_have_the_rows_of_the_views(
    folder: Path, queries: Queries, tmp_path: Path, name: str
) -> None:
    figure = queries.figure(name)
    told = json.loads(console(folder, name, "--json"))
    assert told["columns"] == list(figure.columns)
    assert told["rows"] == [outside(row) for row in figure.rows]
    console(folder, name, "--csv", tmp_path / "f.csv", "--parquet", tmp_path / "f.parquet")
    text = (tmp_path / "f.csv").read_text(encoding="utf-8")
    first, *lines = csv.reader(io.StringIO(text))
    assert first == list(figure.columns)
    assert lines == [["" if v is None else str(v) for v in row.values()] for row in figure.rows]
    table = parquet.read_table(tmp_path / "f.parquet")
    assert table.column_names == list(figure.columns)
    assert table.to_pylist() == figure.rows


def test_the_table_reads_as_people_read_money_and_shares(folder: Path, queries: Queries) -> None:
    shown = console(folder, "par")
    row = queries.figure("par").rows[0]
    minor = row["gross_minor"]
    assert f"{minor // 100:,}.{minor % 100:02}" in shown
    assert f"{100 * row['ratio']:.2f} %" in shown
    assert "over days" in shown


def test_a_portfolio_is_cut_as_of_a_day_on_the_console(folder: Path, queries: Queries) -> None:
    branch = queries.figure("ageing", Ask(by="branch")).rows[0]["branch"]
    words = ("ageing", "--as-of", "2024-03-15", "--where", f"branch={branch}", "--by", "officer")
    told = json.loads(console(folder, *words, "--json"))
    ask = Ask(as_of=date(2024, 3, 15), where={"branch": branch}, by="officer")
    assert told["rows"] == queries.figure("ageing", ask).rows
    assert told["as_of"] == "2024-03-15"
    assert len(told["rows"]) > 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["par", "--where", "branch"], "is no condition"),
        (["par", "--by", "colour"], "cannot be cut by"),
        (["par", "--as-of", "1999-01-01"], "No business day had been closed"),
        (["roll", "--since", "2030-01-01"], "is not before"),
        (["npl", "--regime", "mars"], "not graded by that regime"),
        (["provisions", "--rates", "nowhere.toml"], "cannot be read as rates"),
    ],
)
def test_wrong_words_are_explained(folder: Path, words: list[str], said: str) -> None:
    result = CliRunner().invoke(commands(), ["portfolio", *words, "--data", str(folder)])
    assert result.exit_code == 1
    assert said in str(result.exception)


def test_http_gives_the_same_rows_in_every_form(
    folder: Path,
    tmp_path: Path,
    serving: Callable[..., AbstractContextManager[Any]],
    queries: Queries,
) -> None:
    shutil.copytree(folder, tmp_path / "data")
    with serving(tmp_path / "data") as running:
        client = running.client
        assert client.get("/v1/figures").json() == {"figures": list(figure_names())}
        asked = {"by": "branch", "as_of": "2024-04-01", "currency": "CNY"}
        figure = queries.figure(
            "ageing", Ask(by="branch", as_of=date(2024, 4, 1), where={"currency": "CNY"})
        )
        told = client.get("/v1/figures/ageing", params=asked).json()
        assert told["rows"] == figure.rows
        assert (told["name"], told["as_of"], told["since"]) == ("ageing", "2024-04-01", None)
        text = client.get("/v1/figures/ageing", params={**asked, "format": "csv"})
        assert text.headers["content-type"] == "text/csv; charset=utf-8"
        assert 'filename="ageing-2024-04-01.csv"' in text.headers["content-disposition"]
        assert text.text == as_csv(figure)
        packed = client.get("/v1/figures/ageing", params={**asked, "format": "parquet"})
        assert parquet.read_table(BufferReader(packed.content)).to_pylist() == figure.rows
        for path, status, code in [
            ("/v1/figures/nonsense", 404, "unknown_entity"),
            ("/v1/figures/par?by=colour", 422, "invalid_request"),
            ("/v1/figures/par?colour=red", 422, "invalid_request"),
            ("/v1/figures/par?as_of=1999-01-01", 404, "unknown_entity"),
            ("/v1/figures/npl?regime=mars", 404, "unknown_regime"),
        ]:
            refused = client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (status, code), path


def test_parquet_without_its_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    figure = Figure("par", date(2024, 1, 2), None, ("loans",), [{"loans": 1}])
    with pytest.raises(ParquetMissing) as missing:
        as_parquet(figure)
    assert "pip install 'loanbell[parquet]'" in missing.value.way_out


def test_a_figure_without_rows_is_an_empty_file() -> None:
    figure = Figure("par", date(2024, 1, 2), None, (), [])
    assert as_csv(figure) == "\r\n"
    assert parquet.read_table(BufferReader(as_parquet(figure))).num_rows == 0


def test_no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers() -> None:
    rows = [{"branch": "=HYPERLINK(1)", "net": -5}, {"branch": "-x", "net": 5}]
    figure = Figure("par", date(2024, 1, 2), None, ("branch", "net"), rows)
    assert as_csv(figure) == "branch,net\r\n'=HYPERLINK(1),-5\r\n'-x,5\r\n"
