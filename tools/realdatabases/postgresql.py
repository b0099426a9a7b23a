"""A real PostgreSQL on the loopback interface, which forgets everything when it ends."""

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import psycopg
from psycopg import sql

from realdatabases.availability import FETCH_COMMAND
from realdatabases.locations import postgresql_home
from realkafka.errors import ServerFailed, Unavailable
from realkafka.ports import LOOPBACK, free_port
from realkafka.process import ServerProcess

OWNER = "instar"
AS_USER = Path(__file__).with_name("as_user.py")
INITDB_TIMEOUT_S = 120.0
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
READY = "database system is ready to accept connections"

# Nothing here outlives its run, so nothing waits for a disk.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "autovacuum": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class RunsAs:
    """The user that the server runs as: this process's own, or another where this is root, which it refuses."""

    uid: int
    gid: int

    @classmethod
    def here(cls) -> Self:
        """The user `postgres` or `nobody` for root, else this process's own.

        Raises:
            Unavailable: this is root, and neither user exists.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise Unavailable("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run as.")

    def command(self, program: Path, *arguments: str, parent_pid: int) -> list[str]:
        """`program` under this user; `parent_pid` 0 does not tie its life to another process."""
        switch = [str(AS_USER), str(parent_pid), str(self.uid), str(self.gid)]
        return [sys.executable, "-S", "-E", *switch, str(program), *arguments]


class PostgresqlServer:
    """One PostgreSQL on 127.0.0.1 only, with one superuser whose password is drawn anew at each start.

    Its folder lies in the system's folder for temporary files, where the user that it runs as can reach it.
    """

    def __init__(self, *, start_timeout_s: float = START_TIMEOUT_S) -> None:
        """Prepares a server; nothing runs and nothing is written before `start`."""
        self._start_timeout_s = start_timeout_s
        self._folder: Path | None = None
        self._process: ServerProcess | None = None
        self._port = 0
        self._password = ""

    @property
    def port(self) -> int:
        """The port on 127.0.0.1; 0 before the start."""
        return self._port

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database of this server, with user and password."""
        return f"postgresql+psycopg://{OWNER}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def create_database(self, stem: str = "test") -> str:
        """Creates an empty database with a name that no other has; its URL."""
        return self.url(create_database(self.url(), stem))

    def start(self) -> Self:
        """Makes an empty data folder, starts the server and waits until it accepts connections.

        Raises:
            Unavailable: PostgreSQL is not fetched, or there is no user that it may run as.
            ServerFailed: it ended or was not ready in time; the message has the end of its log.
        """
        home = postgresql_home()
        if home is None:
            raise Unavailable(f"PostgreSQL is not fetched; run `{FETCH_COMMAND}`.")
        user = RunsAs.here()
        self._folder = folder = Path(tempfile.mkdtemp(prefix="instar-postgresql-"))
        os.chown(folder, user.uid, user.gid)
        if user.uid != os.geteuid() and not _reachable_by_all(home):
            home = shutil.copytree(home, folder / "programs", symlinks=True)
        self._password = secrets.token_hex(12)
        self._initialise(home, user, folder)
        self._port = free_port()
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        places = ("-D", str(folder / "data"), "-p", str(self._port))
        postgres = user.command(home / "bin" / "postgres", *places, *settings, parent_pid=os.getpid())
        self._process = ServerProcess("PostgreSQL", postgres, log_file=folder / "server.log", folder=folder)
        process = self._process
        try:
            process.wait_until(lambda: process.said(READY), timeout_s=self._start_timeout_s)
        except ServerFailed:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends the server, whoever is connected, and removes its folder."""
        if self._process is not None and self._process.running:
            self._process.signal(signal.SIGINT)  # "fast": connections are closed, not waited for
            self._process.stop(timeout_s=STOP_TIMEOUT_S)
        self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def __enter__(self) -> Self:
        """Starts the server."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the server."""
        self.stop()

    def _initialise(self, home: Path, user: RunsAs, folder: Path) -> None:
        password = folder / "password"
        password.write_text(self._password, encoding="utf-8")
        os.chown(password, user.uid, user.gid)
        login = ("-U", OWNER, "-A", "scram-sha-256", f"--pwfile={password}")
        options = ("-D", str(folder / "data"), *login, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
        said = subprocess.run(
            user.command(home / "bin" / "initdb", *options, parent_pid=0),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
        )
        password.unlink()
        if said.returncode != 0:
            self.stop()
            raise ServerFailed(f"PostgreSQL's initdb failed with exit code {said.returncode}: {said.stderr.strip()}")


def create_database(server_url: str, stem: str) -> str:
    """Creates an empty database on the server of `server_url` (a SQLAlchemy or libpq URL); its name."""
    name = f"{stem}_{uuid4().hex[:10]}"
    with psycopg.connect(server_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        # From template0: copying it is never refused because somebody is connected to it.
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return name


def _reachable_by_all(folder: Path) -> bool:
    """Whether every user may enter `folder`; a repository below root's home is not."""
    return all(part.stat().st_mode & stat.S_IXOTH for part in (folder, *folder.parents))
