"""The Kafka edge: client settings, topics and offsets, failpoints, the built-in broker. All Kafka I/O starts here."""
