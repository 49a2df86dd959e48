"""Who may write to an embedded knowledge base: one process at a time."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import BinaryIO

from re2llm.errors import UserError

_BYTE = 1 << 20  # Far behind the words about the holder, so that these stay readable on Windows.


class WriterLock:
    """An operating-system lock on a file; the system lets go of it when the process dies."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            UserError: another holder has it; the message says who and what to do.
        """
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        except OSError as error:
            raise UserError(
                f"cannot use the folder of the knowledge base {str(path.parent)!r} ({error}); "
                "check that it is a folder that you may write to"
            ) from error
        if not _try_lock(self._file):
            holder = self._file.read(500).decode("utf-8", "replace").strip() or "another process"
            self._file.close()
            raise UserError(
                f"the knowledge base in {str(path.parent)!r} is in use by {holder}; several "
                "writers would damage it. Stop that process, or ask it over its service, or give "
                "all of them the URL of one Chroma server"
            )
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        program = Path(sys.argv[0] or "python").name
        words = f"process {os.getpid()} ({program} on {socket.gethostname()}, since {started})"
        self._file.seek(0)
        self._file.truncate()
        self._file.write(words.encode("utf-8", "replace"))
        self._file.flush()

    def release(self) -> None:
        """Let the next one in."""
        if not self._file.closed:
            _unlock(self._file)
            self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: BinaryIO) -> bool:
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

    def _unlock(file: BinaryIO) -> None:
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
