"""Scenarios: a YAML file that replays the life cycle as a pytest test."""
