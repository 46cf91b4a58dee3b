# SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "lab"))

from net import clean_up_when_told_to_end  # noqa: E402
from office import Office  # noqa: E402

clean_up_when_told_to_end()


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: looks at times, so nothing runs beside it")


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="root is needed for network namespaces"))


@pytest.fixture(scope="module")
def office():
    """Two floors, alice and bob known by their MAC addresses, everything running."""
    with Office("test", floors=2, ha="forward-broadcast = yes", mpa="forward-broadcast = yes") as o:
        o.add_station("alice")
        o.add_station("bob")
        o.start()
        yield o


@pytest.fixture
def make_office():
    """Offices of a test's own, taken down at its end."""
    made = []

    def make(**options):
        made.append(Office("test", **options))
        return made[-1]
    yield make
    for o in made:
        o.close()


@pytest.fixture
def alice(office):
    return settled(office, "alice", 1)


@pytest.fixture
def bob(office):
    return settled(office, "bob", 2)


def settled(office, name, floor):
    """The station at home on a floor, as if it had always been there."""
    st = office.stations[name]
    if not st.address():
        st.configure(f"10.42.0.{20 + st.number}")
    st.go(floor)
    st.ping("10.42.0.1", count=3, check=False)
    st.ping("10.9.0.2", count=2)
    office.wait_served(st, floor)
    return st
