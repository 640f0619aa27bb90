"""The docker engine: a stack as an ordinary Compose project."""
