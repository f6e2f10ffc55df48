"""Write the lock file: the newest versions that the bounds in pyproject.toml allow together.

pip resolves them without installing; names and versions are all that is kept, so that the file is
the same whichever index they came from.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Every package of the development environment, resolved for Python {version}.
# Made by `make lock` from the bounds in pyproject.toml; `make` installs exactly these.
"""


def requirements() -> list[str]:
    """What pyproject.toml asks for, for users with every extra and for developers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    dependencies: list[str] = project["project"]["dependencies"]
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"]
    developers: list[str] = project["dependency-groups"]["dev"]
    own = f"{project['project']['name']}["  # an extra that includes others
    optional = (name for extra in extras.values() for name in extra if not name.startswith(own))
    return [*dependencies, *optional, *developers]


def resolve(requirements: list[str]) -> list[str]:
    """``name==version`` of everything that pip would install."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    how = ["--dry-run", "--ignore-installed", "--report", "-"]
    done = subprocess.run([*pip, *how, *requirements], check=True, stdout=subprocess.PIPE)
    report = json.loads(done.stdout)
    chosen = {item["metadata"]["name"]: item["metadata"]["version"] for item in report["install"]}
    return [f"{name}=={chosen[name]}" for name in sorted(chosen, key=str.lower)]


def main() -> None:
    """Write the file named on the command line, or ``requirements-dev.lock``."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "requirements-dev.lock"
    lines = resolve(requirements())
    header = HEADER.format(version=".".join(map(str, sys.version_info[:2])))
    target.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{target}: {len(lines)} packages")


if __name__ == "__main__":
    main()
