"""`python -m frailty`."""

import sys

from frailty.cli import main

sys.exit(main())
