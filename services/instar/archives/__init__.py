"""Files of records: Avro object containers, JSON lines and single JSON documents, read and written record by record."""
