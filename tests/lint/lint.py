#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""All checks that read the sources instead of running them. Prints `ok NAME` or `not ok NAME` and the complaints."""
import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import textwrap

import examples
import rules
import symbols

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build", "debug")
STAMPS = os.path.join(ROOT, "build", "lint")
JOBS = len(os.sched_getaffinity(0))


def run(*argv):
    """Exit status and all output, in lines."""
    r = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT)
    return r.returncode, (r.stdout + r.stderr).splitlines()


def complaints_of(*argv):
    status, lines = run(*argv)
    return (lines or [f"{argv[0]} failed"]) if status else []


def tracked(*endings):
    """Files of the repository, also new ones that git does not ignore."""
    _, names = run("git", "-c", f"safe.directory={ROOT}", "ls-files", "--cached", "--others", "--exclude-standard")
    return [n for n in names if n.endswith(endings) and os.path.isfile(os.path.join(ROOT, n))]


def text_rule(rule):
    for path in tracked(""):
        try:
            with open(os.path.join(ROOT, path), encoding="utf-8") as f:
                text = f.read()
        except UnicodeDecodeError:
            continue  # seeds and pictures
        for complaint in rule(path, text):
            yield f"{path}: {complaint}"


def formatting():
    found = complaints_of("clang-format", "--dry-run", "-Werror", *tracked(".c", ".h"))
    return sorted({re.sub(r":\d+:\d+: error.*", ": run make fmt", line) for line in found if "error:" in line}) or found


def digest(paths):
    h = hashlib.sha256()
    for p in sorted(paths):
        with open(os.path.join(ROOT, p), "rb") as f:
            h.update(p.encode() + b"\0" + f.read())
    return h.hexdigest()


def with_headers(path, seen):
    """The files a source consists of, system headers left out."""
    if path in seen or not os.path.isfile(path):
        return seen
    seen.add(path)
    with open(path, encoding="utf-8") as f:
        for m in rules.INCLUDE.finditer(f.read()):
            if m[1]:
                with_headers(os.path.join("src", m[1]), seen)
                with_headers(os.path.normpath(os.path.join(os.path.dirname(path), m[1])), seen)
    return seen


def stamp_of(path):
    """A file that passed is remembered: the same text, headers and settings are not read again."""
    return os.path.join(STAMPS, f"{path.replace('/', '+')}.{digest(with_headers(path, {'.clang-tidy'}))[:16]}")


# The analyzer may look at a quarter of the states it would by itself: half the time, and what it says is the same here.
BOUNDED = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=56000")]


def tidy_one(path):
    stamp = stamp_of(path)
    if os.path.exists(stamp):
        return []
    status, lines = run("clang-tidy", "--quiet", *BOUNDED, "-p", BUILD, path)
    found = [line for line in lines if re.search(r"(warning|error): ", line)]
    if status or found:
        return found or lines
    with open(stamp, "w"):
        return []


def tidy():
    os.makedirs(STAMPS, exist_ok=True)
    files = [p for p in tracked(".c") if p.startswith(("src/", "cli/")) and not p.endswith(".bpf.c")]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for found in pool.map(tidy_one, files):
            yield from found
    for old in set(os.listdir(STAMPS)) - {os.path.basename(stamp_of(p)) for p in files}:
        os.unlink(os.path.join(STAMPS, old))


def python():
    return complaints_of("pyflakes3", *tracked(".py"))


def shell():
    return complaints_of("shellcheck", "-f", "gcc", *tracked(".sh"), ".ci/run")


def man_pages():
    built = [os.path.join(BUILD, "man", f"holdfast-{role}.conf.5") for role in ("fa", "ha", "mn", "mpa")]
    for page in tracked(".1", ".5", ".7", ".8") + built:
        r = subprocess.run(["man", "--warnings", "-l", "-Tutf8", page], capture_output=True, text=True)
        for line in r.stderr.splitlines() or (["man failed"] if r.returncode else []):
            yield f"{page}: {line}"


WHOLE = re.compile(r"(?:instance|address|care-of|user|mode) = ")  # so does a whole configuration begin


def role_of(text):
    """Of a configuration in a document: what it begins with tells, but for the two agents."""
    if text.startswith(("user", "mode")):
        return "mn"
    return "ha" if text.startswith("address") else "mpa" if 'home-agent "' in text else "fa"


def written_configurations():
    """Those in packaging/, and the whole ones in documents and manual pages: (where, program, text)."""
    for name, role in (("fa", "fa"), ("ha", "ha"), ("mn", "mn"), ("mn-client", "mn"), ("mpa", "mpa"), ("gateway", "mpa"),
                       ("8021x", "mpa")):
        path = f"packaging/holdfast-{name}.conf"
        with open(path) as f:
            yield path, role, f.read()
    for path in tracked(".md"):
        with open(path) as f:
            for block in re.findall(r"(?:^(?: {4}.*)?\n)+", f.read(), re.M):
                text = textwrap.dedent(block).strip("\n")
                if WHOLE.match(text):
                    yield path, role_of(text), text + "\n"
    for path in tracked(".conf.5.in"):
        with open(path) as f:
            for text in re.findall(r"^\.nf\n(.*?)^\.fi$", f.read().replace("\\-", "-"), re.M | re.S):
                if WHOLE.match(text):
                    yield path, re.search(r"holdfast-(\w+)", path)[1], text


def samples():
    """They are ones the daemons accept as they are written; `holdfast check` finds out itself whose they are."""
    found = 0
    with tempfile.TemporaryDirectory() as d:
        key = os.path.join(d, "staff.key")
        with open(key, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as f:
            f.write("text:a key for the check only\n")
        for where, role, text in written_configurations():
            found += 1
            sample = os.path.join(d, f"holdfast-{role}.conf")
            with open(sample, "w") as f:
                f.write(re.sub(r"/etc/holdfast/[\w-]+\.key", key, text))
            for argv in (("src/daemons", f"holdfast-{role}", "-c", sample, "--check"), ("cli", "holdfast", "check", sample)):
                for line in complaints_of(os.path.join(BUILD, *argv[:2]), *argv[2:]):
                    yield f"{where}: {line}"
    if found < 14:
        yield f"{found} configurations were found in packaging, documents and manual pages, fewer than there are"


def requirements():
    return complaints_of("/usr/bin/python3", "tools/requirements.py", "--check")


CHECKS = [("self-test", lambda: examples.check())]
CHECKS += [(rule.__name__, lambda rule=rule: text_rule(rule)) for rule in rules.RULES]
CHECKS += [("sans-io", lambda: symbols.check(BUILD)), ("format", formatting), ("python", python), ("shell", shell),
           ("man", man_pages), ("samples", samples), ("requirements", requirements), ("clang-tidy", tidy)]


def main():
    os.chdir(ROOT)
    wanted = sys.argv[1:]
    bad = 0
    for name, check in CHECKS:
        if wanted and name not in wanted:
            continue
        found = list(check())
        bad += bool(found)
        print(f"{'not ok' if found else 'ok'} {name}", flush=True)
        for complaint in found:
            print(f"  {complaint}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
