"""Prints the software bill of materials of what is installed on a pole, CycloneDX 1.6: this program, the packages of
deploy/requirements.txt and the models. Made from the lock and the manifest alone, so the same release gives the same
bytes; licences are what the installed packages say of themselves. Run by deploy/package with the checkout's Python:

    .venv/bin/python deploy/sbom.py > sbom.json
"""

import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKED = re.compile(r"^([a-z0-9.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
OURS = "Apache-2.0"


def bill() -> dict[str, Any]:
    """All of it. Raises LookupError when a licence is unknown."""
    packages = [package(*found) for found in LOCKED.findall((ROOT / "deploy" / "requirements.txt").read_text())]
    models = [model(one) for one in tomllib.loads((ROOT / "models" / "manifest.toml").read_text())["model"]]
    version = metadata.version("homerule")
    own = {
        "type": "application",
        "bom-ref": "homerule",
        "name": "homerule",
        "version": version,
        "licenses": [{"license": {"id": OURS}}],
    }
    parts = [*packages, *models]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own},
        "components": parts,
        "dependencies": [{"ref": "homerule", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def package(name: str, version: str, hashes: str) -> dict[str, Any]:
    """One locked package; its hashes are those of every file that the lock accepts."""
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [licence(name)],
        "hashes": [{"alg": "SHA-256", "content": one} for one in re.findall(r"[0-9a-f]{64}", hashes)],
    }


def licence(name: str) -> dict[str, Any]:
    """What the package says of itself: an SPDX expression, else the name that its classifiers give."""
    said = metadata.metadata(name)
    if expression := said.get("License-Expression"):
        return {"expression": expression}
    names = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if one.startswith("License :: ")]
    if not names and (text := said.get("License")) and "\n" not in text:
        names = [text]
    if not names:
        raise LookupError(f"{name}: says nothing of its licence; look it up before it goes to a pole")
    return {"license": {"name": ", ".join(names)}}


def model(entry: dict[str, Any]) -> dict[str, Any]:
    """One model that the program carries."""
    return {
        "type": "machine-learning-model",
        "bom-ref": entry["file"],
        "name": entry["name"],
        "version": entry["sha256"][:12],
        "licenses": [{"license": {"id": entry["licence"]}}],
        "hashes": [{"alg": "SHA-256", "content": entry["sha256"]}],
    }


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(bill(), indent=2) + "\n")
    except LookupError as unknown:
        sys.exit(f"deploy/sbom.py: {unknown}")
