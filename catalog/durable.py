"""What makes a rename last through a loss of power."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to disk: of files made, renamed or removed in it."""
    if os.name == "nt":  # Windows cannot open folders; its renames are journalled.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
