#!/usr/bin/env python3
"""Prints the number of pods of a Job's YAML and the words of their command, each ended by a zero byte."""

import sys

import yaml

job = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))["spec"]
[container] = job["template"]["spec"]["containers"]
words = [str(job.get("completions", 1)), *container["command"]]
sys.stdout.write("".join(word + "\0" for word in words))
