"""python -m faults.audit <folder of a deployment>: checks I1 to I17 and names the first violation.

Ends with 1 when an invariant does not hold. The deployment's databases and brokers must run.
"""

import asyncio
import sys
from pathlib import Path

import msgspec

from faults.audit.audit import audit
from faults.deployment import Address


def main() -> int:
    address = msgspec.json.decode((Path(sys.argv[1]) / "deployment.json").read_bytes(), type=Address)
    verdict = asyncio.run(audit(address))
    print(verdict)
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main())
