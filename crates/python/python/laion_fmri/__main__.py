"""``python -m laion_fmri``: the command."""

import sys

from laion_fmri._cli import main

sys.exit(main())
