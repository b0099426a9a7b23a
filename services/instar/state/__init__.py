"""Where instar keeps what people decided and what was seen: a SQL database, SQLite or PostgreSQL.

Kafka is the truth about records and authority; this database is the truth about people: rollouts, who may move them,
the ledger, approvals. Its tables change by the migrations in ``migrations/`` only.

``opening.open_state`` gives a ``State`` of one environment; each noun has a file of its own. No transaction stays open
while anybody waits.
"""
