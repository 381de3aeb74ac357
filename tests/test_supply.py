"""What comes along: a bill of materials that names all of it, and no secret in the repository."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SECRETS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}",
    "a token of a code host": r"\b(gh[pousr]_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{20,})",
    "a token of a package index": r"\bpypi-[A-Za-z0-9_-]{40,}",
    "an access key of a cloud": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a login in an address": r"\b[a-z]+://[^\s/:@\"'{}<>]+:[^\s/@\"'{}<>]{6,}@",
    "a secret with its value": r"(?i)\b(secret|password|api_?key|token)\b\s*[=:]\s*[\"'][A-Za-z0-9+/_-]{20,}=*[\"']",
}
MADE_UP = {
    "tests/daemon/test_start.py": "a login that device.toml must not hold",
    "tests/test_camera_table.py": "the same",
    "tests/capture/test_apart.py": "a login that no log may repeat",
    "tests/daemon/test_told.py": "the first letters of a key, which no archive may hold",
    "tests/test_config.py": "the same",
    "tests/delivery/reads.py": "an acknowledgement's token",
}
"""Files whose secrets guard nothing."""


def found(text: str) -> list[str]:
    return [what for what, pattern in SECRETS.items() if re.search(pattern, text)]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA",
        "ghp_" + "a1B2" * 9,
        "pypi-" + "a1B2" * 11,
        "AKIA" + "ABCD" * 4,
        "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
        "https://me:" + "longsecret@example.org",
        "api_key = " + '"abcdefghijklmnopqrstuvwxyz"',
    ],
)
def test_a_secret_would_be_found(text: str) -> None:
    assert len(found(text)) == 1


def test_there_is_no_secret_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and name not in MADE_UP]
    assert len(names) > 100
    texts = {name: (ROOT / name).read_bytes().decode("utf-8", "replace") for name in names if (ROOT / name).is_file()}
    assert {name: what for name, text in texts.items() if (what := found(text))} == {}


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    command = [sys.executable, ROOT / "deploy" / "sbom.py"]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert isinstance(made, dict)
    return made


def test_the_bill_names_every_package_of_the_lock_with_all_its_hashes(bill: dict[str, Any]) -> None:
    lock = (ROOT / "deploy" / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z0-9.-]+)==(\S+) \\$", lock, flags=re.MULTILINE))
    packages = [part for part in bill["components"] if part["type"] == "library"]
    assert {part["name"]: part["version"] for part in packages} == pinned
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in packages)
    hashes = {one["content"] for part in packages for one in part["hashes"]}
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", lock))


def test_the_bill_names_every_model_with_its_hash_and_licence(bill: dict[str, Any]) -> None:
    models = tomllib.loads((ROOT / "models" / "manifest.toml").read_text())["model"]
    named = [part for part in bill["components"] if part["type"] == "machine-learning-model"]
    assert [(part["name"], part["hashes"], part["licenses"]) for part in named] == [
        (one["name"], [{"alg": "SHA-256", "content": one["sha256"]}], [{"license": {"id": one["licence"]}}])
        for one in models
    ]


def test_the_bill_has_the_form_of_cyclonedx(bill: dict[str, Any]) -> None:
    """Its required parts; the whole schema is not at hand in any locked package."""
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    parts = [bill["metadata"]["component"], *bill["components"]]
    assert all({"type", "name", "version", "bom-ref", "licenses"} <= set(part) for part in parts)
    assert all(set(one) in ({"license"}, {"expression"}) for part in parts for one in part["licenses"])
    references = [part["bom-ref"] for part in parts]
    assert len(set(references)) == len(references)
    (whole,) = bill["dependencies"]
    assert [whole["ref"], *whole["dependsOn"]] == references


def test_no_part_forbids_what_a_city_does_with_it(bill: dict[str, Any]) -> None:
    """None is under the AGPL, or under the GPL alone: what a city changes is its own affair."""
    licences = {json.dumps(one) for part in bill["components"] for one in part["licenses"]}
    assert not [one for one in licences if re.search(r"\b(AGPL|GPL|SSPL|BUSL)\b|Affero|GNU General", one)]
