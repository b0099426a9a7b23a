"""A real PostgreSQL, Flyway and Liquibase for tests, without Docker: a JDK 17 and Maven are enough."""

from realdatabases.postgresql import PostgresqlServer

__all__ = ["PostgresqlServer"]
