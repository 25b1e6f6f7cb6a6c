"""Real servers for tests, each in a folder and on a port of its own, ended with the test session.

A database server refuses to run as root, so that root starts it as the user whom its package made.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import free_port

PASSWORD = "s3cret-of-the-shop'\"\\ 1"


def program(name: str, package: str, *folders: str) -> str:
    """Where a program is; without it the test is skipped."""
    found = shutil.which(name) or next((str(p) for folder in folders for p in Path("/").glob(f"{folder}/{name}")), None)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {package})")
    return found


@contextlib.contextmanager
def folder_of(user: str) -> Iterator[tuple[Path, dict[str, object]]]:
    """A folder that this user owns, and how to start a program as them."""
    with tempfile.TemporaryDirectory(prefix="aimloop-server-") as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder, {}
            return
        try:
            found = pwd.getpwnam(user)
        except KeyError:
            pytest.skip(f"there is no user {user} to run the server as")
        os.chown(folder, found.pw_uid, found.pw_gid)
        yield folder, {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def running(command: list[str], is_ready: Callable[[], object], log: Path, **as_user: object) -> Iterator[None]:
    """The server while the block runs; it is waited for until ``is_ready`` raises nothing."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, **as_user)  # type: ignore[call-overload]
        try:
            _wait(process, is_ready, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], is_ready: Callable[[], object], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            is_ready()
        except Exception:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server does not start: {log.read_text(errors='replace')[-2000:]}")


def connected(port: int) -> None:
    """Raises OSError: nobody listens there."""
    socket.create_connection(("127.0.0.1", port), 1).close()


def greeted(port: int) -> None:
    """Raises OSError: nobody says hello there yet; MariaDB listens a little before it answers."""
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        if not connection.recv(5):
            raise ConnectionResetError


@contextlib.contextmanager
def postgres(sql: str) -> Iterator[int]:
    """A PostgreSQL server with the user ``reader`` (`PASSWORD`) and what ``sql`` makes; its port."""
    initdb = program("initdb", "postgresql", "usr/lib/postgresql/*/bin")
    with folder_of("postgres") as (folder, as_user):
        data, port, secret = folder / "data", free_port(), folder / "owner"
        secret.write_text("owner")
        secret.chmod(0o644)
        subprocess.run(
            [initdb, "-D", str(data), "-A", "scram-sha-256", f"--pwfile={secret}", "-U", "owner", "--no-sync"],
            **as_user,
            check=True,
            capture_output=True,
            cwd=folder,
        )
        server = str(Path(initdb).resolve().with_name("postgres"))
        role = PASSWORD.replace("'", "''")
        setup = f"CREATE ROLE reader LOGIN PASSWORD '{role}';\n{sql}\n"
        subprocess.run(
            [server, "--single", "-D", str(data), "postgres"],
            **as_user,
            input=setup.encode(),
            check=True,
            capture_output=True,
            cwd=folder,
        )
        command = [server, "-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
        with running(command, lambda: connected(port), folder / "log", cwd=folder, **as_user):
            yield port


@contextlib.contextmanager
def mariadb(sql: str) -> Iterator[int]:
    """A MariaDB server with the user ``reader`` (`PASSWORD`) and what ``sql`` makes; its port."""
    install = program("mariadb-install-db", "mariadb-server")
    server = program("mariadbd", "mariadb-server", "usr/sbin")
    with folder_of("mysql") as (folder, as_user):
        data, port, setup = folder / "data", free_port(), folder / "setup.sql"
        role = PASSWORD.replace("\\", "\\\\").replace("'", "''")
        setup.write_text(
            f"SET NAMES utf8mb4;\nCREATE USER reader IDENTIFIED BY '{role}';\n{sql}\nGRANT SELECT ON *.* TO reader;\n"
        )
        setup.chmod(0o644)
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ],
            **as_user,
            check=True,
            capture_output=True,
            cwd=folder,
        )
        command = [
            *(server, "--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={folder}/socket"),
            *("--bind-address=127.0.0.1", f"--init-file={setup}", "--innodb-flush-method=fsync"),
        ]
        with running(command, lambda: greeted(port), folder / "log", cwd=folder, **as_user):
            yield port


@contextlib.contextmanager
def object_store(objects: dict[str, bytes]) -> Iterator[int]:
    """An S3-compatible server with these objects (bucket/key → content); its port."""
    import boto3

    port = free_port()
    with tempfile.TemporaryDirectory(prefix="aimloop-server-") as folder:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with running(command, lambda: connected(port), Path(folder) / "log"):
            keys = {"aws_access_key_id": "reader", "aws_secret_access_key": PASSWORD, "region_name": "us-east-1"}
            client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)
            for name, content in objects.items():
                bucket, _, key = name.partition("/")
                client.create_bucket(Bucket=bucket)
                client.put_object(Bucket=bucket, Key=key, Body=content)
            yield port


@contextlib.contextmanager
def redis_server(*options: str) -> Iterator[int]:
    """A Redis server that keeps everything in memory and asks for `PASSWORD`; its port."""
    server = program("redis-server", "redis-server")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="aimloop-server-") as name:
        folder = Path(name)
        escaped = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        (folder / "redis.conf").write_text(
            f'bind 127.0.0.1\nport {port}\nsave ""\ndir {folder}\nrequirepass "{escaped}"\n' + "\n".join(options)
        )
        with running([server, str(folder / "redis.conf")], lambda: connected(port), folder / "log"):
            yield port
