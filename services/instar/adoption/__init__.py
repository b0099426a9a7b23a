"""Taking over topics that exist: their schemas and samples into the folder, the folder's versions into a registry."""
