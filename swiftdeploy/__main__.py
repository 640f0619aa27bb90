"""`python -m swiftdeploy`: the command line."""

from swiftdeploy.cli import main

if __name__ == "__main__":
    main()
