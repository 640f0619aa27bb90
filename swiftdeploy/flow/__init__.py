"""How any change of the world happens."""
