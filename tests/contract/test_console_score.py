"""`loanbell fit` and `loanbell evaluate` over a small generated book."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from streams.cli import commands
from streams.cli.quality import show
from streams.drive import send_all
from streams.generate.portfolio import portfolio
from streams.quality import NothingToJudge
from streams.settings import Settings
from streams.wiring import Node
from warning.fit import TooFewOutcomes

HORIZON = ["--horizon", "120"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("score") / "book"
    settings = Settings.load({"data": folder, "closed_by": "driver"}, environ={})
    world = portfolio(loans=150, months=14, seed=3)

    async def streamed() -> None:
        async with Node.open(settings) as node:
            await send_all(node, world.messages(), source="s", accepted_us=0, report=lambda _: None)
            await node.settled()

    asyncio.run(streamed())
    return folder


def run(*words: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(commands(), list(words))
    if exit_code == 0 and result.exception is not None:
        raise result.exception
    assert result.exit_code == exit_code, result.output
    return result.output


def test_a_score_is_fitted_written_and_judged(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, html = tmp_path / "score.json", tmp_path / "quality.html"
    where = ["--data", str(data), *HORIZON]
    said = run("fit", "--to", str(model), *where, "--kind", "points", "--name", "sme")
    assert "sme v1" in said
    document = orjson.loads(model.read_bytes())
    assert (document["kind"], document["horizon_days"]) == ("points", 120)
    assert document["population"]["bad"] >= 10
    again = tmp_path / "again.json"
    run("fit", "--to", str(again), *where, "--kind", "points", "--name", "sme")
    assert again.read_bytes() == model.read_bytes()
    told: dict[str, Any] = orjson.loads(
        run("evaluate", *where, "--model", str(model), "--challenger", str(again),
            "--html", str(html), "--json").splitlines()[-1]
    )  # fmt: skip
    champion, challenger = told["models"]
    assert (champion["role"], champion["label"]) == ("champion", "sme v1")
    assert champion["report"] == challenger["report"]
    assert champion["report"]["auc"] > 0.7
    assert champion["report"]["psi"] < 1e-9  # Judged on the population it was fitted on.
    quarters = champion["report"]["by_time"]
    assert sum(row["judged"] for row in quarters) == champion["report"]["judged"]
    assert all(row["bad_rate_low"] <= row["bad_rate"] <= row["bad_rate_high"] for row in quarters)
    # The same score twice: no gain, and nobody whom only one would look at.
    versus = told["versus"]
    assert (versus["auc_gain"], versus["auc_gain_low"], versus["auc_gain_high"]) == (0, 0, 0)
    assert versus["looked_at"]["champion alone"] == {"loans": 0, "bad": 0}
    show(told)
    table = capsys.readouterr().out
    assert "Challenger beside champion" in table
    assert "By quarter" in table
    assert quarters[0]["name"] in table
    assert told["warnings"]["defaults"] > 0
    assert told["about"]["definitions"]["horizon"] == "120 days"
    one, other = orjson.loads(
        run("score", "L000001", "--data", str(data), "--model", str(model), "--challenger",
            str(again), "--json")
    )  # fmt: skip
    assert one == other
    assert 0 < one["probability"] < 1
    assert all(reason["points"] > 0 for reason in one["reasons"])
    assert "within 120 days" in run("score", "L000001", "--data", str(data), "--model", str(model))
    page = html.read_text(encoding="utf-8")
    assert page.count("<svg") == 8
    assert "<h2>By quarter</h2>" in page
    assert not re.search(r"(src|href)=|url\(|<script|https?:", page)


def test_labels_of_a_file_are_read_by_line(data: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("loan_id,score_time,label\nL1,2024-01-01,maybe\n", encoding="utf-8")
    result = CliRunner().invoke(
        commands(), ["evaluate", "--data", str(data), "--labels", str(labels)]
    )
    assert "labels.csv:2" in str(result.exception)


def test_a_file_that_is_no_model_is_refused(data: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "model.json"
    wrong.write_text("{}", encoding="utf-8")
    result = CliRunner().invoke(
        commands(), ["evaluate", "--data", str(data), "--model", str(wrong)]
    )
    assert "is no score" in str(result.exception)


def test_a_score_learns_up_to_a_day_and_is_judged_behind_it(data: Path, tmp_path: Path) -> None:
    model, where = tmp_path / "score.json", ["--data", str(data), "--horizon", "90"]
    run("fit", "--to", str(model), *where, "--kind", "points", "--until", "2024-12-31")
    # 90 days before it: what followed later judgements was not known by then.
    assert orjson.loads(model.read_bytes())["window"]["last"] == "2024-09-30"
    later = ["--model", str(model), "--since", "2024-10-01"]
    told = orjson.loads(run("evaluate", *where, *later, "--json").splitlines()[-1])
    report = told["models"][0]["report"]
    assert [row["name"] for row in report["by_time"]] == ["2024 Q4"]
    # October and November lie behind the last judgement learnt from, not behind its outcome.
    split = told["about"]["definitions"]["split"]
    assert f"0 of {report['judged']:,} judgements are later than all that it was fitted" in split
    with pytest.raises(NothingToJudge, match="from 2090-01-01 on"):
        run("evaluate", *where, "--model", str(model), "--since", "2090-01-01")
    with pytest.raises(TooFewOutcomes, match="Of 0 loans"):
        run("fit", "--to", str(model), *where, "--until", "1995-01-01")
