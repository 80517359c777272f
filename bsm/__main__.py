"""``python -m bsm`` is the same as ``bsm``."""

import sys

from bsm.cli import main

sys.exit(main())
