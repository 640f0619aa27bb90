"""Who evaluates Rego."""
