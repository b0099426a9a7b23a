"""Reading a project folder: settings, schemas, hops, examples and the lock. All file I/O of a project lives here."""
