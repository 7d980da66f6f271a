"""The benchmarks are a folder beside the package, not installed with it: found from the root of the checkout."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
