"""The time and memory from the log to a published bundle, next to ``implicit``'s ALS fit alone."""

import subprocess
import sys
import time
from collections.abc import Sequence

import psutil

from benchmarks.measured import Measured
from benchmarks.stage import Stage, tree
from examples.demo import tagalong
from serving.settings import process_environment

ALS = """
import time, duckdb, numpy as np
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
rows = duckdb.sql("SELECT user_id, item_id, count(*) AS n FROM '{file}' GROUP BY ALL").fetchnumpy()
users, items = (np.unique(rows[name], return_inverse=True)[1] for name in ("user_id", "item_id"))
matrix = csr_matrix((rows["n"].astype(np.float32), (users, items)))
model = AlternatingLeastSquares(factors=64, iterations=15, random_state=0)
began = time.perf_counter()
model.fit(matrix, show_progress=False)
print(time.perf_counter() - began)
"""


def measure(stage: Stage) -> list[Measured]:
    """Return the job's time over the fit's, and the job's most memory at one moment."""
    script = ALS.format(file=stage.source / "interactions.parquet")
    environment = process_environment() | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    fit = float(done.stdout)
    began = time.perf_counter()
    peak = _peak_memory(tagalong("train", "--data", stage.data, "--force"))
    took = time.perf_counter() - began
    return [
        Measured("training to published bundle", took / fit, "× ALS fit", 4, parts=f"{took:.1f} s over {fit:.1f} s"),
        Measured("training, most memory at once", peak / 2**30, "GiB", 3, parts="PSS of all its processes"),
    ]


def _peak_memory(command: Sequence[str], every: float = 0.5) -> int:
    process, peak = psutil.Popen(command), 0
    while process.poll() is None:
        peak = max(peak, sum(_pss(one) for one in tree(process)))
        time.sleep(every)
    if process.returncode:
        raise RuntimeError(f"training ended with status {process.returncode}")
    return peak


def _pss(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0
