"""What the processes of one service share, and what is checked before they start."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from recommender.errors import ConfigError, InvalidInput
from serving.app import create_app
from serving.bootstrap import build
from serving.run import check_config, serve, shared
from serving.settings import Settings
from tests.serving import shop


def test_two_services_on_one_data_folder_share_nothing_in_memory(tmp_path: Path) -> None:
    apart = [{"port": 8001}, {"port": 8002}, {"host": "127.0.0.2"}, {"shop": "north"}]
    with ExitStack() as stack:
        found = [stack.enter_context(shared(Settings(data=tmp_path, **each))) for each in apart]
        assert len({each.metrics_folder for each in found}) == len({each.ending for each in found}) == len(apart)


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_port_in_use_is_refused_by_name(tmp_path: Path, family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as taken:
        try:
            taken.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        taken.listen()
        with pytest.raises(InvalidInput, match=rf"--port: {host}:\d+ cannot be used"):
            serve(Settings(data=tmp_path, host=host, port=taken.getsockname()[1], log_level="error"))


def test_workers_keep_the_configuration_that_was_checked(tmp_path: Path) -> None:
    path = tmp_path / "tagalong.toml"
    path.write_text("seed = 3")
    with shared(Settings(data=tmp_path, config=path)) as settings:
        path.write_text("sead = 3")
        with pytest.raises(ConfigError, match="sead"):
            check_config(Settings(data=tmp_path, config=path))
        check_config(settings)
        assert settings.config is not None
    assert not settings.config.exists()


def test_readiness_ends_before_the_service_does(settings: Settings) -> None:
    with (
        shared(settings.model_copy(update={"drain_seconds": 0.01})) as draining,
        shop.running(build(draining)) as services,
    ):
        client: FlaskClient = create_app(services).test_client()
        assert client.get("/readyz").status_code == 200
        assert draining.ending is not None
        draining.ending.touch()
        assert client.get("/readyz?for=lists").json["parts"] == {"bundle": "ok", "service": "the service is ending"}
        assert client.get("/v1/popular").status_code == 200
