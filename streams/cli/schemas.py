"""`loanbell schemas`: what is on the topics, for the programs of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.app import cli, not_usable, out
from streams.schemas import write


@cli.command(rich_help_panel="Scale out")
def schemas(
    folder: Annotated[Path, typer.Option("--out", help="The folder to write to.")],
) -> None:
    """Write a JSON Schema for each topic, and an AsyncAPI document over all of them."""
    try:
        written = write(folder)
    except OSError as error:
        raise not_usable(error, folder) from None
    for path in written:
        out.print(str(path))
