#!/usr/bin/env python3
"""check.py FIELDS COMMAND...: runs a bench once; what it prints must be JSON with these fields, by commas."""

import json
import subprocess
import sys


def main():
    fields, command = sys.argv[1].split(","), sys.argv[2:]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, check=False)
    if ran.returncode:
        sys.exit(ran.returncode)
    document = json.loads(ran.stdout)
    empty = [field for field in fields if not document.get(field)]
    if empty:
        sys.exit(f"missing, or nothing in it: {', '.join(empty)}")


if __name__ == "__main__":
    main()
