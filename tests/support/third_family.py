"""A plugin of pytest: the families in the folder THIRD_FAMILY are families of this run.

It is loaded before any test (`-p tests.support.third_family`), as if the folder were one of the package's.
"""

from __future__ import annotations

import os

from gsm_meter_bridge import families

families.__path__.append(os.environ["THIRD_FAMILY"])
