"""Pictures of every page of the dashboard for the docs, taken of `instar demo --serve` on a real Kafka."""
