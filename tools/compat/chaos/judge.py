"""Whether the journal of an experiment says what it should: judge.py JOURNAL STATUS true|false."""

import json
import sys


def main():
    path, status, deviated = sys.argv[1], sys.argv[2], sys.argv[3] == "true"
    with open(path, encoding="utf-8") as file:
        journal = json.load(file)
    failed = [
        run["activity"]["name"]
        for run in journal["run"] + journal["rollbacks"]
        if run["status"] != "succeeded"
    ]
    if (journal["status"], journal["deviated"]) != (status, deviated):
        sys.exit(f"the journal says {journal['status']}, deviated={journal['deviated']}")
    if failed:
        sys.exit(f"these activities failed: {failed}")


main()
