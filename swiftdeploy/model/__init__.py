"""Pure records and functions: no clock, no disk, no network."""
