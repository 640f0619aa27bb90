"""Rego read as OPA reads it: tokens, a tree with places, and what in it the embedded judge must not be asked."""
