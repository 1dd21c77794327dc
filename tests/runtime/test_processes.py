"""What needs processes of its own: threading layers, many Python threads under each, and forks."""

from __future__ import annotations

import functools
import os

import pytest
from cli_process import start
from python_process import LONG, printed, run_python

LAYERS = ("omp", "workqueue", "tbb")
PATIENCE = LONG // 4  # seconds after which a forked child counts as hanging

PRELUDE = f"""
import os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from small_networks import residual_network
from tinyinfer.errors import TinyInferError
from tinyinfer.model import Model

g = residual_network(16)
x = np.ones((1, 3, 16, 16), np.float32)

def in_child(call):
    "The exit code of a forked child: 0 if the call returns, 7 for a clear error, below 0 if a signal ends it."
    pid = os.fork()
    if pid == 0:
        signal.alarm({PATIENCE})
        try:
            call()
        except TinyInferError as error:
            os._exit(7 if "'spawn'" in str(error) else 8)
        except BaseException:
            os._exit(9)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def check(good):
    if not good:
        raise AssertionError
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def passes(code: str, **changes: str) -> None:
    """The code ends well."""
    printed(PRELUDE + code, PYTHONWARNINGS="ignore::DeprecationWarning", **changes)  # of forks beside threads


@functools.cache
def is_present(layer: str) -> bool:
    code = "from numba.np.ufunc.parallel import _launch_threads; _launch_threads()"
    done = run_python(code, NUMBA_THREADING_LAYER=layer)
    assert done.returncode == 0 or "No threading layer could be loaded" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest) -> str:
    """Each threading layer of Numba's that can be loaded here."""
    if not is_present(request.param):
        pytest.skip(f"the threading layer {request.param} is not here")
    return str(request.param)


def test_the_textbook_engine_never_imports_numba() -> None:
    passes("Model(g, kernels='reference')(x); check(not any('numba' in m for m in sys.modules))")


def test_the_network_here_runs_on_tiles_where_there_are_any() -> None:
    """Else forks and threads would be tried without what they might break: the tiles that each thread configures."""
    passes(
        "from tinyinfer.kernels.codegen import amx\n"
        "kernels = {step.kernel for step in Model(g).plan({'input': x.shape}).steps}\n"
        "check(('bf16x3' in kernels) == amx.available())"
    )


# 8 Python threads call one model 1,000 times in all, with inputs of two sizes, all starting at once
STRESS = """
model = Model(g, threads=int(os.environ["THREADS"]))
rng = np.random.default_rng(0)
inputs = [rng.standard_normal((1 + i % 2, 3, 16 + i, 13)).astype(np.float32) for i in range(4)]
expected = [Model(g, threads=model.options.threads)(x) for x in inputs]
together = threading.Barrier(8)

def work(k):
    together.wait()
    return [(i, model(inputs[i])) for i in ((k + n) % 4 for n in range(125))]

with ThreadPoolExecutor(8) as pool:
    results = [pair for part in pool.map(work, range(8)) for pair in part]
check(len(results) == 1000)
check(all(np.array_equal(result, expected[i]) for i, result in results))
import numba
try:
    used = numba.threading_layer()
except ValueError:
    used = ""
check(used == (os.environ["NUMBA_THREADING_LAYER"] if model.options.threads > 1 else ""))
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_many_python_threads_get_the_same_bits(layer: str, threads: int) -> None:
    passes(STRESS, NUMBA_THREADING_LAYER=layer, THREADS=str(threads))


@needs_fork
def test_a_child_forked_after_a_parallel_run_gets_an_error_and_its_serial_runs_work(layer: str) -> None:
    passes(
        "two, one = Model(g, threads=2), Model(g, threads=1); two(x); expected = one(x)\n"
        "check(in_child(lambda: two(x)) == 7)\n"
        "check(in_child(lambda: Model(g, threads=2)(x)) == 7)\n"
        "check(in_child(lambda: check((one(x) == expected).all())) == 0)\n"
        "check(in_child(lambda: check((Model(g, threads=1)(x) == expected).all())) == 0)\n"
        "check(in_child(lambda: check(in_child(lambda: two(x)) == 7)) == 0)  # nor does a grandchild hang\n"
        "two(x)",
        NUMBA_THREADING_LAYER=layer,
    )


@needs_fork
def test_a_child_forked_before_any_parallel_run_works(layer: str) -> None:
    passes(
        "two, one = Model(g, threads=2), Model(g, threads=1); expected = one(x)\n"
        "check(in_child(lambda: check(np.allclose(two(x), expected, atol=1e-5))) == 0)\n"
        "check(np.allclose(two(x), expected, atol=1e-5))",
        NUMBA_THREADING_LAYER=layer,
    )


@needs_fork
def test_another_librarys_parallel_region_counts_too(layer: str) -> None:
    passes(
        "from numba.np.ufunc.parallel import _launch_threads\n"
        "_launch_threads()\n"
        "check(in_child(lambda: Model(g, threads=2)(x)) == 7)",
        NUMBA_THREADING_LAYER=layer,
    )


@needs_fork
@pytest.mark.parametrize("threads", [1, 2])
def test_a_child_forked_amid_runs_of_other_threads_never_hangs(layer: str, threads: int) -> None:
    passes(
        "busy, one = Model(g, threads=int(os.environ['THREADS'])), Model(g, threads=1)\n"
        "busy(x); expected = one(x); stop = threading.Event()\n"
        "def work(k):\n"
        "    n = k\n"
        "    while not stop.is_set():\n"
        "        n += 1\n"
        "        busy(np.ones((1, 3, 8 + n % 12, 9), np.float32))  # more shapes than plans are kept for\n"
        "        one(x)\n"
        "pool = ThreadPoolExecutor(4); tasks = [pool.submit(work, 3 * k) for k in range(4)]\n"
        "serial = lambda: check((one(x) == expected).all() and Model(g, threads=1)(x).shape == expected.shape)\n"
        "again = lambda: busy(x)\n"
        "codes = [(in_child(serial), in_child(again)) for _ in range(25)]\n"
        "stop.set(); [task.result() for task in tasks]\n"
        "check(set(codes) == {(0, 7 if busy.options.threads > 1 else 0)})",
        NUMBA_THREADING_LAYER=layer,
        THREADS=str(threads),
    )


@needs_fork
def test_a_lock_that_another_thread_holds_is_free_in_a_child() -> None:
    passes(
        "from tinyinfer.runtime.threads import Lock\n"
        "lock, held, done = Lock(), threading.Event(), threading.Event()\n"
        "def hold():\n"
        "    with lock:\n"
        "        held.set(); done.wait()\n"
        "def take():\n"
        "    with lock: pass\n"
        "thread = threading.Thread(target=hold); thread.start(); held.wait()\n"
        "check(in_child(take) == 0)\n"
        "done.set(); thread.join(); take()"
    )


@needs_fork
def test_a_fork_waits_for_what_is_being_compiled() -> None:
    passes(
        "import tinyinfer.kernels.codegen.jit\n"
        "from numba.core.compiler_lock import global_compiler_lock as lock\n"
        "held, done = threading.Event(), threading.Event()\n"
        "def hold():\n"
        "    with lock:\n"
        "        held.set(); done.wait(0.5)\n"
        "def take():\n"
        "    with lock: pass\n"
        "thread = threading.Thread(target=hold); thread.start(); held.wait()\n"
        "check(in_child(take) == 0); check(not lock.is_locked())\n"
        "done.set(); thread.join()"
    )


@pytest.mark.parametrize(("setting", "threads", "message"), [
    ({"NUMBA_DISABLE_JIT": "1"}, 1, "NUMBA_DISABLE_JIT is set, so that Numba compiles no kernels: unset it"),
    ({"NUMBA_NUM_THREADS": "0"}, 2, "Numba's threads do not start with NUMBA_NUM_THREADS=0"),
    ({"NUMBA_THREADING_LAYER": "fast"}, 2, "Numba's threads do not start with NUMBA_THREADING_LAYER=fast"),
])  # fmt: skip
def test_what_numba_was_told_gets_one_clear_line(setting: dict[str, str], threads: int, message: str) -> None:
    code = (
        "from tinyinfer.errors import SetupError\n"
        "model = Model(g, threads=int(sys.argv[1]))\n"
        "for _ in range(2):  # it is refused every time\n"
        "    try: model(x)\n"
        "    except SetupError as error: print(error)\n"
        "check(Model(g, kernels='reference')(x).shape[0] == 1)"
    )
    lines = printed(PRELUDE + code, threads, **setting).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(message) for line in lines)


def test_the_command_line_says_it_too() -> None:
    process = start("warmup", env={"NUMBA_DISABLE_JIT": "1"}, text=True)
    _, err = process.communicate(timeout=LONG)
    assert process.returncode == 5
    (line,) = err.splitlines()
    assert line.startswith("tinyinfer: NUMBA_DISABLE_JIT is set")


# what a web server with several applications runs them in; the module's name has changed twice
SUBINTERPRETER = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
inner = '''
import sys, warnings
sys.path[:] = %r
warnings.simplefilter("ignore")  # NumPy's about subinterpreters
try:
    import tinyinfer
    tinyinfer.kernels.list("relu")
except Exception as error:
    print(type(error).__name__, error, flush=True)
''' % sys.path
interpreters.run_string(interpreters.create(), inner)
"""


def test_a_subinterpreter_gets_an_error() -> None:
    found = printed(SUBINTERPRETER)
    assert found.startswith(("SetupError this is a subinterpreter of Python", "ImportError"))  # the latter is NumPy's


# weights are let go once they are packed, and a child whose size takes another kernel reads them again
FROM_ONE_FILE = """
import tempfile, tinyinfer
folder = tempfile.TemporaryDirectory()
path = folder.name + "/model.npz"
Model(residual_network(64)).save(path)
model = tinyinfer.load(path, threads=1)
sizes = [(1 + i % 3, 3, 8 + 5 * i, 9 + 4 * i) for i in range(8)]
inputs = [np.random.default_rng(i).standard_normal(s).astype(np.float32) for i, s in enumerate(sizes)]
fresh = tinyinfer.load(path, threads=1)
expected = [fresh(x) for x in inputs]
model(x)
held = set(model._packed._packed)

def run_all():
    check(all(np.array_equal(model(x), y) for x, y in zip(inputs, expected)))
    check(set(model._packed._packed) > held)

children = []
for _ in range(8):
    pid = os.fork()
    if pid == 0:
        signal.alarm(PATIENCE)
        try:
            run_all()
            for _ in range(5):
                for key in model.graph.weights:
                    check(np.array_equal(model.graph.weights[key], fresh.graph.weights[key]))
        except BaseException:
            import traceback; traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(pid)
check([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 8)
"""


@needs_fork
def test_forked_children_read_one_file_at_once() -> None:
    passes(f"PATIENCE = {PATIENCE}\n" + FROM_ONE_FILE)
