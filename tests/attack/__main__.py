import sys

from tests.attack.command import main

if __name__ == "__main__":
    sys.exit(main())
