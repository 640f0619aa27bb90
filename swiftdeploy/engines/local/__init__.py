"""The local engine: real processes under supervisor, no root, no Docker."""
