"""Where the command `loanbell` begins: before anything heavy is imported.

The imports take a second; whoever presses Ctrl-C during it must see no traceback.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Import the command and run it. Until it runs nothing is open, so Ctrl-C simply ends it."""
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:  # else somebody has it ignored, as nohup does
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from streams import cli  # noqa: PLC0415  # the seconds it takes

    cli.commands(sys.argv[1:])
    signal.signal(signal.SIGINT, interrupted)
    cli.main()
