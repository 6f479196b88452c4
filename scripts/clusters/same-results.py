#!/usr/bin/env python3
"""Compares two tables of `reproduce`, or two searches' rows, without what two runs of them need not have in common."""

import json
import sys


def content(path):
    text = open(path, encoding="utf-8").read()
    if path.endswith(".jsonl"):
        rows = [json.loads(line) for line in text.splitlines()]
        del rows[0]["date"], rows[0]["processor"]
        return rows
    table = json.loads(text)
    del table["command"], table["date"]
    for row in table["rows"]:
        del row["mean_seconds"], row["concurrent_runs"]
    return table


one, other = (json.dumps(content(path)) for path in sys.argv[1:3])
if len(one) < 1000 or one != other:
    sys.exit(f"{sys.argv[1]} and {sys.argv[2]} differ")
