"""A private PostGIS server, started once; databases are made in it as tests ask for them."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BIN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="session")
def postgis_server(missing: Callable[[str], None]) -> Iterator[tuple[str, int, str]]:
    """Socket folder, port and superuser of a server without TCP."""
    if not (BIN / "initdb").exists() or not Path("/usr/share/postgresql/15/extension/postgis.control").exists():
        missing("needs PostgreSQL 15 with PostGIS: apt-get install postgresql-15-postgis-3")
    folder = Path(tempfile.mkdtemp(prefix="weixun-pg-"))  # pytest's own folders are for one user only
    own = folder / "own"
    own.mkdir()
    as_user: list[str] = []
    user = os.environ.get("USER", "postgres")
    if os.geteuid() == 0:  # PostgreSQL will not run as root
        if shutil.which("runuser") is None:
            missing("PostgreSQL does not run as root, and runuser is not here")
        folder.chmod(0o755)
        shutil.chown(own, "postgres")
        as_user, user = ["runuser", "-u", "postgres", "--"], "postgres"

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, timeout=120, cwd="/")

    data, port = own / "data", 54331
    run(str(BIN / "initdb"), "-D", str(data), "-A", "trust", "-U", user, "-N", "--locale=C.UTF-8")
    options = (
        f"-c listen_addresses='' -c unix_socket_directories={own} -c port={port} "
        "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60"
    )
    run(str(BIN / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", str(own / "log"), "start")
    try:
        yield str(own), port, user
    finally:
        run(str(BIN / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgis_store(postgis_server: tuple[str, int, str]) -> Callable[[], str]:
    """Makes an empty store in a database of its own, and gives its URL."""
    import psycopg

    from leads.store.store import Store

    host, port, user = postgis_server
    numbers = itertools.count()

    def make(sql: str) -> None:
        with psycopg.connect(host=host, port=port, user=user, dbname="postgres", autocommit=True) as connection:
            connection.execute(sql)

    def url(name: str) -> str:
        return f"postgresql+psycopg://{user}@/{name}?host={host}&port={port}"

    make("CREATE DATABASE store_template")
    Store.open(url("store_template")).close()

    def fresh() -> str:
        number = next(numbers)
        if number >= 10:  # no test holds ten
            make(f"DROP DATABASE IF EXISTS store_{number - 10} WITH (FORCE)")
        name = f"store_{number}"
        make(f"CREATE DATABASE {name} TEMPLATE store_template")
        return url(name)

    return fresh


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes an empty store in a file of its own, and gives its URL."""
    from leads.store.store import Store

    folder = tmp_path_factory.mktemp("stores")
    numbers = itertools.count()
    template = folder / "template.sqlite"
    Store.open(f"sqlite:///{template}").close()

    def fresh() -> str:
        path = folder / f"store_{next(numbers)}.sqlite"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    return fresh
