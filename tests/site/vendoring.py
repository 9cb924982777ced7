"""Fetch the vendored assets again: `python tests/site/vendoring.py [--update]`, with npm on the path.

`static/vendor/vendor.json` says what comes from where. The tarball must have the recorded sha512; then the named files
are unpacked, comments that point to source maps are cut off (the manifest storage fails on a map that is not there),
and the icons we use are made into one sprite. `--update` records the hashes of a new version.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
LIST = VENDOR / "vendor.json"
SOURCE_MAP = re.compile(rb"\s*(//# sourceMappingURL=\S+|/\*# sourceMappingURL=\S+ \*/)\s*$")


def digest(content: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def sprite(icons: dict[str, str], read: Any) -> bytes:
    """One SVG with a symbol per icon, under our own names."""
    symbols = []
    for name, source in sorted(icons.items()):
        svg = read(f"icons/{source}.svg").decode()
        paths = re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.S).strip()
        symbols.append(f'<symbol id="{name}" viewBox="0 0 16 16">{" ".join(paths.split())}</symbol>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" fill="currentColor">\n' + "\n".join(symbols) + "\n</svg>\n"
    ).encode()


def fetch(package: dict[str, Any], *, is_update: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        name = f"{package['npm']}@{package['version']}"
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, name], check=True, cwd=folder)
        tarball = next(Path(folder).glob("*.tgz"))
        found = digest(tarball.read_bytes())
        if not is_update and found != package["sha512"]:
            raise SystemExit(f"{name}: the tarball is not the recorded one; nothing was written.")
        package["sha512"] = found
        with tarfile.open(tarball) as archive:

            def read(path: str) -> bytes:
                member = archive.extractfile(f"package/{path}")
                if member is None:
                    raise SystemExit(f"{name}: no file {path}.")
                return member.read()

            for target, entry in package["files"].items():
                content = sprite(package["icons"], read) if entry["from"] == "icons" else read(entry["from"])
                content = SOURCE_MAP.sub(b"\n", content)
                if not is_update and digest(content) != entry["sha512"]:
                    raise SystemExit(f"{name}: {target} is not the recorded one; nothing more was written.")
                entry["sha512"] = digest(content)
                (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
                (VENDOR / target).write_bytes(content)


def main() -> None:
    packages = json.loads(LIST.read_text())
    for package in packages:
        fetch(package, is_update="--update" in sys.argv)
    LIST.write_text(json.dumps(packages, indent=2) + "\n")


if __name__ == "__main__":
    main()
