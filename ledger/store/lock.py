"""One writer to a data folder: an advisory lock on a file beside the database.

The lock belongs to the open file, so it ends with the process however that dies. The file holds
the writer's process id, for people; it stays behind, empty of meaning, when nobody holds it.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ledger.errors import StoreUnavailable


class WriterLock:
    """Held from construction until `release`.

    Errors: StoreUnavailable if another process holds it; OSError if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise StoreUnavailable(
                f"Process {holder} is writing to {path.parent} already.",
                way_out=f"Stop process {holder} first, or give this one another data folder. "
                "Commands that only read may run beside it.",
            ) from None
        except OSError:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """Let another process write. Safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
