"""Work side by side in processes, none of which outlives the one that asked."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from training.forked import forked

ENDLESS = "import time\nfrom training.forked import forked\nlist(forked(lambda part: time.sleep(600), [1, 2, 3], 2))\n"


def test_results_come_in_the_order_of_the_parts() -> None:
    assert list(forked(lambda part: part * 2, range(9), 3)) == list(range(0, 18, 2))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_asked(number: int) -> None:
    asker = subprocess.Popen([sys.executable, "-c", ENDLESS])
    children: list[psutil.Process] = []
    deadline = time.monotonic() + 20
    while len(children) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        children = psutil.Process(asker.pid).children()
    assert len(children) == 2
    time.sleep(0.5)  # a child that has just been forked may not know yet whom to watch
    asker.send_signal(number)
    asker.wait(20)
    assert not psutil.wait_procs(children, timeout=20)[1]
