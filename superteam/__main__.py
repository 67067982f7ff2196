"""`python -m superteam` is the same as `superteam`."""

import sys

from superteam.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
