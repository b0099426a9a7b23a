"""The PostgreSQL that tests run against."""

import psycopg

from realdatabases.pytest_plugin import Postgresql


def test_every_test_has_a_database_of_its_own(postgresql: Postgresql) -> None:
    urls = [postgresql.create_database() for _ in range(2)]
    for url in urls:
        with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
            connection.execute("CREATE TABLE only_here (id integer)")
    assert len(set(urls)) == 2


def test_its_user_owns_the_server(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url.replace("+psycopg", "", 1)) as connection:
        row = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (True,)
