# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs before this kernel's verifier, packet by packet; on real paths, guest.py takes tests of tests/net."""
import os
import platform
import subprocess

import pytest
from office import BUILD


def test_it_is_a_stock_kernel():
    assert platform.release().endswith("-amd64")


@pytest.mark.parametrize("name", ["programs", "bindings", "layer3", "anchor", "node"])
def test_unit(name):
    """All of them load; what they do with a packet is as on the developer's kernel."""
    program = os.path.join(BUILD, "tests", "unit", "dataplane", f"test-dataplane-{name}")
    r = subprocess.run([program], capture_output=True, text=True)
    assert r.returncode == 0 and "SKIPPED" not in r.stdout + r.stderr, r.stdout + r.stderr
