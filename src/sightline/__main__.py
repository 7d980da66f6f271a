"""`python -m sightline` is the `sightline` command."""

import sys

from sightline.cli import main

sys.exit(main())
