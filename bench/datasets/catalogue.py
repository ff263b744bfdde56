"""All sets by name, and where to read each: the real file, or the stand-in for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.cumcm_sme import CUMCM_SME, CUMCM_UNLABELLED
from bench.datasets.mortgage_dcr import MORTGAGE_DCR
from bench.datasets.sample import write_sample
from bench.datasets.source import (
    FOLDER_VARIABLE,
    DataSet,
    Tally,
    folder,
    messages,
    read_rows,
)
from bench.datasets.superlender import SUPERLENDER
from bench.datasets.taiwan_card import TAIWAN_CARD

SETS: dict[str, DataSet] = {
    data.name: data
    for data in (CUMCM_SME, CUMCM_UNLABELLED, SUPERLENDER, TAIWAN_CARD, MORTGAGE_DCR)
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read a set from. `notice` says so when it is only the generated stand-in."""

    data: DataSet
    path: Path
    notice: str

    def messages(self, tally: Tally) -> Iterator[bytes]:
        """All messages of the set; `tally` is filled on the way."""
        return messages(self.data, read_rows(self.path), tally)


def source(name: str, *, scratch: Path, seed: int) -> Source:
    """The real file of set `name`; where it is missing, a stand-in written into `scratch`."""
    data = SETS[name]
    found = folder(data.folder)
    if found is not None:
        return Source(data, found / data.file, "")
    notice = (
        f"{name}: the data is not on this machine ({FOLDER_VARIABLE} names its folder); "
        f"using a small generated stand-in, which tells nothing about quality"
    )
    return Source(data, write_sample(scratch, name, seed=seed), notice)
