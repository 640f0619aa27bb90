"""How a stack lives: one engine a folder or file."""
