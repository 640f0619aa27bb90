"""The local engine: a stack of plain processes under a private supervisord, from pip alone."""
