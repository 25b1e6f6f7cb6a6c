"""Which Bento is served, and what its server is told."""

import socket
from dataclasses import replace

import pytest
from pydantic import SecretStr

from flows.context import Door
from flows.serving import Packaged, is_this_machine, packaged, refuse_taken, serve_environ
from infra.errors import AimloopError
from tests.small_state import AS_OF

BENTOS = {
    "aimloop": {"tag": "aimloop:g1", "entry": "aimloop"},
    "aimloop-churn": {"tag": "aimloop-churn:g1", "entry": "churn"},
}


@pytest.fixture
def built(door: Door) -> Door:
    door.ledger.begin_cycle("g1", AS_OF.to_pydatetime(), "test", AS_OF.to_pydatetime())
    door.ledger.finish_step("g1", "package", 1.0, {"line": "", "tag": "aimloop:g1", "bentos": BENTOS})
    return door


def test_the_front_door_or_one_service(built: Door) -> None:
    assert packaged(built) == Packaged("aimloop:g1", "aimloop")
    assert packaged(built, "churn") == Packaged("aimloop-churn:g1", "churn")


def test_a_service_that_there_is_not(built: Door) -> None:
    with pytest.raises(AimloopError, match="no Bento of chrun") as caught:
        packaged(built, "chrun")
    assert caught.value.remedy == "did you mean 'churn'? services: churn"


def test_before_the_first_cycle(door: Door) -> None:
    with pytest.raises(AimloopError, match="no Bento yet"):
        packaged(door)


def test_the_server_is_told_the_settings_of_services_but_no_secret(door: Door) -> None:
    changed = {"workers": 3, "stale_after_days": 2.5, "redis_url": SecretStr("redis://:planted@here")}
    services = door.settings.services.model_copy(update=changed)
    told = serve_environ(
        Packaged("aimloop-churn:g1", "churn"),
        replace(door, settings=door.settings.model_copy(update={"services": services})),
        {"BENTOML_CONFIG_OPTIONS": "services.churn.traffic.timeout=5", "PATH": "kept"},
    )
    assert told["AIMLOOP_STATE"] == str(door.state.root)
    assert told["AIMLOOP_SERVICES__API_KEYS"] == "required"
    assert told["AIMLOOP_SERVICES__STALE_AFTER_DAYS"] == "2.5"
    assert told["BENTOML_CONFIG_OPTIONS"] == "services.churn.traffic.timeout=5 services.churn.workers=3"
    assert told["PATH"] == "kept"
    assert "AIMLOOP_SERVICES__REDIS_URL" not in told  # it comes from the environment, or not at all


@pytest.mark.parametrize(
    ("host", "answer"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("10.1.2.3", False)]
)
def test_who_hears_an_address(host: str, answer: bool) -> None:
    assert is_this_machine(host) is answer


def test_a_name_is_no_address() -> None:
    with pytest.raises(AimloopError, match="no IP address"):
        is_this_machine("localhost")


def test_a_port_that_is_taken_is_refused_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AimloopError, match=f"port {port} cannot be listened on"):
            refuse_taken("127.0.0.1", port)
    refuse_taken("127.0.0.1", port)
