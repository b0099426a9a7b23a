"""The command line: one verb a file. Data goes to stdout, words for people to stderr (design section 13)."""
