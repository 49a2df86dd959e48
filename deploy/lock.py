"""Write the image's requirements by version and hash, as pip resolves them under constraints.txt.

Run `make deploy/requirements.txt`. The hashes are of the wheels for the platform and the Python
that this runs on; make the file on the kind of machine that the image is for.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HEAD = "# Made by deploy/lock.py (make deploy/requirements.txt): do not edit.\n"


def locked(*wanted: str) -> str:
    """Return requirements for all that pip would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        subprocess.run(  # noqa: S603
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run"),
                *("--ignore-installed", "--only-binary", ":all:", "--report", str(report)),
                *("--constraint", str(ROOT / "constraints.txt"), *wanted),
            ],
            check=True,
            cwd=ROOT,
        )
        told = json.loads(report.read_text("utf-8"))
    lines = []
    for entry in told["install"]:
        name = re.sub(r"[-_.]+", "-", entry["metadata"]["name"]).lower()
        version = entry["metadata"]["version"]
        if name == "re2llm":
            continue
        digest = entry["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
    return HEAD + "".join(sorted(lines))


def main() -> None:
    """Write both files."""
    image = locked(".[serve,postgres]")
    (HERE / "requirements.txt").write_text(image, "utf-8")
    (HERE / "requirements-build.txt").write_text(locked("setuptools", "wheel"), "utf-8")


if __name__ == "__main__":
    main()
