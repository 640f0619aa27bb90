"""One scenario verb a file; the folder is the registry."""
