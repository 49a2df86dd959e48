"""What an image and a site are made of: pinned, hashed, and of settings that there are."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from re2llm.service.options import ServeSettings
from re2llm.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_every_setting_of_the_site_is_one() -> None:
    known = {
        f"RE2LLM_{name.upper()}" for kind in (Settings, ServeSettings) for name in kind.model_fields
    }
    site = yaml.safe_load(read("compose.yaml"))
    for name in ("one", "two"):
        given = {key for key in site["services"][name]["environment"] if key.startswith("RE2LLM")}
        assert given
        assert given <= known
        assert site["services"][name]["stop_grace_period"] == "45s"
    assert set(re.findall(r"RE2LLM_[A-Z_]+", read("Dockerfile"))) <= known
    assert set(re.findall(r"RE2LLM_[A-Z_]+", read("docs/deploy.md"))) <= known


def test_every_image_is_pinned_and_only_the_balancer_is_reached() -> None:
    site = yaml.safe_load(read("compose.yaml"))
    images = [one["image"] for one in site["services"].values() if "image" in one]
    images += re.findall(r"^FROM (\S+)", read("Dockerfile"), re.M)
    assert len(images) == 5
    assert all(re.search(r":\d+\.\d+(\.\d+)?", image) for image in images)
    assert [name for name, one in site["services"].items() if "ports" in one] == ["balancer"]
    assert all(port.startswith("127.0.0.1:") for port in site["services"]["balancer"]["ports"])
    servers = re.findall(r"server (\w+):8000", read("deploy/nginx.conf"))
    assert servers == ["one", "two"]


def test_the_image_holds_what_constraints_say_each_with_a_hash() -> None:
    lock = read("deploy/requirements.txt")
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}$", lock, re.M))
    assert len(pins) == lock.count("==") == lock.count("--hash")
    allowed = dict(re.findall(r"^([\w.-]+)==(\S+)$", read("constraints.txt").lower(), re.M))
    plain = {name.replace("_", "-"): version for name, version in allowed.items()}
    for name, version in pins.items():
        known = plain.get(name.replace("_", "-"))
        assert known in (None, version.removesuffix("+cpu")), (
            f"{name}: make deploy/requirements.txt again"
        )
    wanted = tomllib.loads(read("pyproject.toml"))["project"]
    extras = wanted["optional-dependencies"]
    for entry in (*wanted["dependencies"], *extras["serve"], *extras["postgres"]):
        name = re.match(r"[\w-]+", entry)
        assert name is not None
        assert name[0] in pins, f"{name[0]}: make deploy/requirements.txt again"
    assert read("Dockerfile").count("--require-hashes") == 2


@pytest.mark.parametrize("name", ["Dockerfile", "compose.yaml", "deploy/nginx.conf"])
def test_nothing_secret_is_in_it(name: str) -> None:
    assert not re.search(r"(password|key)s?\s*[:=]\s*['\"]?[A-Za-z0-9]{12,}", read(name), re.I)
