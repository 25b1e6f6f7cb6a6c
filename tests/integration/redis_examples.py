"""Settings that name a Redis server of a test, and the keys it holds."""

from urllib.parse import quote

from redis import Redis
from servers import PASSWORD

from infra.sections import Services
from infra.settings import Settings


def services(port: int, password: str = PASSWORD) -> Services:
    return Services(profile_store="redis", redis_url=f"redis://:{quote(password)}@127.0.0.1:{port}/0")


def settings(port: int, password: str = PASSWORD) -> Settings:
    return Settings(services=services(port, password))


def names(server: Redis) -> set[str]:
    """The keys there are, the folder's name and the tables' cut off."""
    return {":".join(key.decode().split(":")[2:4]) for key in server.scan_iter()}
