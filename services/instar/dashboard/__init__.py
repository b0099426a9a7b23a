"""The API and the pages, served by one process."""
