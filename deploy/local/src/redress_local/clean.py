"""`make clean`: remove the data folder of a stack that does not run. Needs no installed package."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

data = Path(os.environ.get("DATA") or ".data").expanduser().resolve()
if not data.exists():
    sys.exit(0)
if not (data / "stack.lock").exists():
    sys.exit(f"{data} is not the data folder of a stack: nothing removed")
with (data / "stack.lock").open("w") as lock:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"a stack runs on {data}: stop it first")
    shutil.rmtree(data)
print(f"removed {data}")
