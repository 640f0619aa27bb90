"""What every engine asks of this machine: ports, who listens, whose process lives, a plain GET."""
