"""Topics on disk: out of Kafka into an archive, and back into Kafka exactly once."""
