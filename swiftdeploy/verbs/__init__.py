"""One command a file: what it does, over a World."""
