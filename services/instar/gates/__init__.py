"""Gates: whether something outside is done, asked of a database's own migration history or of a program."""
