"""Work on a workspace that other processes share is done by one of them at a time."""

import _thread
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from re2llm.database import DatabaseUnavailable
from re2llm.errors import UserError
from re2llm.service.claims import Claims
from re2llm.service.records import RECORDS, open_records
from re2llm.settings import Settings

_LEASE = 30.0
"""Seconds after which the work of a process that died may be begun by another."""


@contextmanager
def working(settings: Settings, what: str) -> Iterator[None]:
    """Hold a shared workspace for exploring, training or rebuilding; where it is not, do nothing.

    Where the hold is lost on the way, the work is stopped as by Ctrl-C: another may have begun.

    Raises:
        UserError: another process does such work now.
    """
    if not settings.shared:
        yield
        return
    name = f"learning {settings.tenant}"
    records = open_records(settings.workspace / RECORDS, url=settings.database)
    with closing(records):
        claims = Claims(database=records, lease=_LEASE)
        if not claims.take(name):
            raise UserError(
                f"another process explores, trains or rebuilds for tenant {settings.tenant!r} now; "
                f"{what} when it has ended"
            )
        ended = threading.Event()
        keeping = threading.Thread(target=_keep, args=(claims, name, ended), daemon=True)
        keeping.start()
        try:
            yield
        finally:
            ended.set()
            keeping.join()
            with suppress(DatabaseUnavailable):  # the lease ends by itself
                claims.leave(name)


def _keep(claims: Claims, name: str, ended: threading.Event) -> None:
    missed = 0
    while not ended.wait(claims.lease / 3):
        try:
            held = claims.take(name)
        except DatabaseUnavailable:
            missed += 1
            held = missed < 3
        else:
            missed = 0
        if not held:
            _thread.interrupt_main()
            return
