#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs all tiers, fastest first, and ends with one line of totals. `run.py unit net` runs only those."""
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEBUG = os.path.join(ROOT, "build", "debug")
PYTHON = "/usr/bin/python3"
SIDE_BY_SIDE = 3
HANGING_S = 180  # no network test takes that long: one that does hangs, and the others shall have their turn


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.causes = []  # a line per failure: what failed, and why as far as known

    def add(self, passed, failed, skipped, causes=()):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        self.causes += causes


def indent(text):
    return "".join(f"    {line}\n" for line in text.rstrip().splitlines())


def lint(totals):
    r = subprocess.run([PYTHON, os.path.join(ROOT, "tests", "lint", "lint.py")], capture_output=True, text=True)
    good = len(re.findall(r"^ok ", r.stdout, re.M))
    bad = [f"lint: {rule}" for rule in re.findall(r"^not ok (.*)", r.stdout, re.M)]
    if r.returncode != 0 and not bad:
        bad = [f"lint: exit status {r.returncode}"]
    totals.add(good, len(bad), 0, bad)
    if bad:
        print(indent(r.stdout + r.stderr), end="")


def cases_of(output, good):
    """cmocka prints a line per case; a program without them is one case."""
    passed = len(re.findall(r"^\[ +OK \]", output, re.M))
    failed = sorted(set(re.findall(r"^\[ +FAILED +\] (\w+)$", output, re.M)))
    skipped = len(set(re.findall(r"^\[ +SKIPPED \] (\w+)$", output, re.M)))
    if good and passed + skipped == 0:
        passed = 1
    return passed, failed if failed or good else ["the program"], skipped


def meson(suite):
    def tier(totals):
        log = os.path.join(DEBUG, "meson-logs", f"{suite}.json")
        subprocess.run(["meson", "test", "-C", DEBUG, "--no-rebuild", "--suite", suite, "--logbase", suite, "-q"],
                       capture_output=True)
        if not os.path.exists(log):
            print(f"    no tests in suite {suite}")
            totals.add(0, 1, 0, [f"{suite}: no tests"])
            return
        with open(log) as f:
            for line in f:
                test = json.loads(line)
                good = test["result"] in ("OK", "SKIP")
                output = test.get("stdout", "") + test.get("stderr", "")
                passed, failed, skipped = cases_of(output, good)
                totals.add(passed, len(failed), skipped, [f"{test['name']}: {case}" for case in failed])
                if not good:
                    print(f"    {test['name']}: {test['result']}\n{indent(output)}", end="")
    return tier


def net(totals):
    """Most network tests wait most of their time: files side by side. Those that look at times have the machine alone."""
    some_net(totals, "side-by-side", "-m", "not alone", "-n", str(SIDE_BY_SIDE), "--dist", "loadfile")
    some_net(totals, "alone", "-m", "alone")


def some_net(totals, name, *options):
    report = os.path.join(ROOT, "build", f"net-{name}.xml")
    r = subprocess.run([PYTHON, "-m", "pytest", "-q", "-x" if os.environ.get("HF_STOP") else "-q", "--no-header", "-rs",
                        "-p", "no:cacheprovider", f"--timeout={HANGING_S}", f"--junitxml={report}", *options,
                        os.path.join(ROOT, "tests", "net")], capture_output=True, text=True, cwd=ROOT)
    suite = ElementTree.parse(report).getroot().find("testsuite")
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    skipped = int(suite.get("skipped"))
    totals.add(int(suite.get("tests")) - failed - skipped, failed, skipped,
               [f"{case.get('classname').rpartition('.')[2]}.py::{case.get('name')}: {bad.get('message').splitlines()[0]}"
                for case in suite.iter("testcase") for bad in case if bad.tag in ("failure", "error")])
    if failed or skipped or r.returncode not in (0, 1):
        print(indent(r.stdout[-20000:] + r.stderr[-2000:]), end="")


TIERS = [("lint", lint), ("unit", meson("unit")), ("fuzz", meson("fuzz")), ("scenario", meson("scenario")), ("net", net)]


def main():
    wanted = sys.argv[1:] or [name for name, _ in TIERS]
    everything = Totals()
    for name, tier in TIERS:
        if name not in wanted:
            continue
        totals, start = Totals(), time.monotonic()
        print(f"{name} ...", flush=True)
        tier(totals)
        print(f"{name}: {totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped "
              f"in {time.monotonic() - start:.1f} s", flush=True)
        everything.add(totals.passed, totals.failed, totals.skipped, totals.causes)
    for cause in everything.causes:
        print(f"failed: {cause}")
    print(f"{everything.passed} passed, {everything.failed} failed, {everything.skipped} skipped")
    return 1 if everything.failed or not everything.passed else 0


if __name__ == "__main__":
    sys.exit(main())
