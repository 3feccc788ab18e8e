"""What the structure tests share: the project's files, and a verdict per check in TAP."""

import pathlib
import sys

FOLDERS = ("lib", "mppe", "auth", "ppp", "tunnel", "trace", "diagnosis", "apps", "tests", "fuzz", "bench")
CORE = ("lib", "mppe", "auth", "ppp", "tunnel")  # the folder tunnel/io lies inside, but is not core


def sources(root, *suffixes):
    """{path from the root: text} of the C++ files of all folders."""
    found = {}
    for folder in FOLDERS:
        for path in sorted(pathlib.Path(root, folder).rglob("*")):
            if path.suffix in suffixes:
                found[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return found


def is_core(path):
    return path.split("/")[0] in CORE and not path.startswith("tunnel/io/")


def report(checks):
    """Prints TAP for {name: complaints}, no complaints being well; ends the program."""
    print(f"1..{len(checks)}")
    for number, (name, complaints) in enumerate(checks.items(), 1):
        for complaint in complaints:
            print(f"# {complaint}")
        print(f"{'not ok' if complaints else 'ok'} {number} - {name}")
    sys.exit(1 if any(checks.values()) else 0)


def unnoticed(complaints, planted):
    """For a check of the checker: which planted faults no complaint names."""
    return [f"not noticed: {fault}" for fault in planted if not any(fault in c for c in complaints)]
