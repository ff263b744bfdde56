"""Every figure, cut by every dimension, as of an earlier day: the same rows everywhere."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from pyarrow import BufferReader, parquet
from typer.testing import CliRunner

from projections.figure_files import as_csv
from projections.figures import Figure
from projections.queries import Ask, Queries, figure_names
from streams.cli import commands

AS_OF = date(2024, 5, 15)
CUTS = ("industry", "branch", "officer", "product", "region")
SLICES = list(product(figure_names(), CUTS))


@pytest.fixture(scope="module")
def folder(recorded_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of this module."""
    data = tmp_path_factory.mktemp("slices") / "data"
    data.mkdir()
    for name in ("ledger.db", "views.db"):
        shutil.copy(recorded_book.parent / name, data / name)
    return data


@pytest.fixture(scope="module")
def figures(folder: Path) -> Iterator[dict[tuple[str, str], Figure]]:
    """Every slice as the views give it."""
    reads = Queries.open(folder / "views.db")
    yield {
        (name, by): reads.figure(name, Ask(as_of=AS_OF, by=by, where={"currency": "CNY"}))
        for name, by in SLICES
    }
    reads.close()


def outside(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {name: v.isoformat() if isinstance(v, date) else v for name, v in row.items()}


@pytest.mark.parametrize(("name", "by"), SLICES, ids=["-".join(each) for each in SLICES])
def test_a_slice_is_the_same_on_the_console_in_csv_and_in_parquet(
    figures: dict[tuple[str, str], Figure], folder: Path, tmp_path: Path, name: str, by: str
) -> None:
    figure = figures[name, by]
    assert (figure.as_of, {row["currency"] for row in figure.rows} <= {"CNY"}) == (AS_OF, True)
    assert all(row[by] for row in figure.rows)
    words = [name, "--by", by, "--as-of", str(AS_OF), "--where", "currency=CNY", "--json"]
    files = ["--csv", str(tmp_path / "f.csv"), "--parquet", str(tmp_path / "f.parquet")]
    asked = ["portfolio", *words, *files, "--data", str(folder)]
    result = CliRunner().invoke(commands(), asked)
    assert result.exit_code == 0, result.exception or result.stderr
    assert json.loads(result.stdout)["rows"] == [outside(row) for row in figure.rows]
    text = (tmp_path / "f.csv").read_text(encoding="utf-8")
    assert list(csv.reader(io.StringIO(text))) == list(csv.reader(io.StringIO(as_csv(figure))))
    assert parquet.read_table(tmp_path / "f.parquet").to_pylist() == figure.rows


def test_most_slices_of_the_book_hold_something(
    figures: dict[tuple[str, str], Figure],
) -> None:
    """So that the tests here compare rows, not nothing; two or more groups each."""
    empty = {name for (name, _), figure in figures.items() if not figure.rows}
    assert empty <= {"cure", "lead_time"}, "few were 90 days past due by then"
    for name, by in SLICES:
        groups = {row[by] for row in figures[name, by].rows}
        assert len(groups) > 1 or name in empty, (name, by)


def test_every_slice_is_the_same_over_http(
    figures: dict[tuple[str, str], Figure],
    folder: Path,
    tmp_path: Path,
    serving: Callable[..., AbstractContextManager[Any]],
) -> None:
    shutil.copytree(folder, tmp_path / "data")
    with serving(tmp_path / "data") as running:
        for (name, by), figure in figures.items():
            asked = {"by": by, "as_of": str(AS_OF), "currency": "CNY"}
            path = f"/v1/figures/{name}"
            told = running.client.get(path, params=asked).json()
            assert told["rows"] == [outside(row) for row in figure.rows], (name, by)
            text = running.client.get(path, params={**asked, "format": "csv"}).text
            assert text == as_csv(figure), (name, by)
            packed = running.client.get(path, params={**asked, "format": "parquet"}).content
            assert parquet.read_table(BufferReader(packed)).to_pylist() == figure.rows, (name, by)
