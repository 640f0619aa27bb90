"""One effect a file: everything that touches clock, disk, network, host or screen."""
