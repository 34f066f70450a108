"""The ways in which people run Python. In each, a function that burns CPU time must be found: in its own stack, with what
called it, and nearly every stack whole."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
import zipapp

import pytest

import plait_runner
from grammar import Grammar
from interpreters import interpreters
from plait_runner import PLAIT, SLOWNESS, TARGETS, collapsed, need_recording, record, record_attached, run_plait, trust

FOUND = interpreters()
SYSTEM = next((i for i in FOUND if i.path.startswith("/usr/bin/")), None)
BURN = ("import time\n"
        "def burn(seconds=0.5):\n"
        "    end = time.thread_time() + seconds\n"
        "    while time.thread_time() < end: sum(range(500))\n")
both = pytest.mark.engines("bpf", "agent")


def need_system_python(*modules):
    """Debian's or Ubuntu's own CPython, with the modules; skips without."""
    if not SYSTEM:
        pytest.skip("no CPython in /usr/bin")
    for module in modules:
        if subprocess.run([SYSTEM.path, "-c", f"import {module}"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode:
            pytest.skip(f"{SYSTEM.path} has no module {module}")
    return SYSTEM.path


def need_command(name):
    path = shutil.which(name)
    if not path:
        pytest.skip(f"there is no {name}")
    return path


def short(frame):
    """A frame's function without what qualifies it and where it is."""
    return frame.split(" (")[0].split(" [")[0].split(".")[-1]


def check(recording, *path, least=0.9, of=0.8):
    """At least `least` of the stacks with burn() are whole, and nearly all have `path`, outermost first."""
    stacks = collapsed(recording)
    burning = [stack for stack in stacks if any(short(frame) == "burn" for frame in stack.frames)]
    samples = sum(stack.count for stack in burning)
    assert samples > 50 // SLOWNESS, [stack.frames[-3:] for stack in stacks[:5]]
    whole = sum(stack.count for stack in burning if not set(stack.frames) & {"[gap]", "[truncated]", "[unmerged]"})
    assert whole >= least * samples, trust(recording)

    def has(stack):
        rest = iter(short(frame) for frame in stack.frames)
        return all(name in rest for name in (*path, "burn"))

    assert sum(stack.count for stack in burning if has(stack)) >= of * samples, [";".join(s.frames) for s in burning[:3]]


@both
def test_virtual_environment(recording, tmp_path):
    python = need_system_python("venv")
    if subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "venv"]).returncode:
        pytest.skip("venv does not work here")
    (tmp_path / "job.py").write_text(BURN + "burn()")
    record(recording, "--", tmp_path / "venv" / "bin" / "python", tmp_path / "job.py")
    check(recording, "<module>")


@both
def test_module_and_zipapp(recording, tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "__main__.py").write_text(BURN + "def main():\n    burn()\nmain()\n")
    record(recording, "--", sys.executable, "-m", "package", cwd=tmp_path)
    check(recording, "_run_module_as_main", "<module>", "main")
    zipapp.create_archive(package, tmp_path / "app.pyz")
    record(recording, "--", sys.executable, tmp_path / "app.pyz")
    check(recording, "<module>", "main")


def embed_flags(python, static):
    """What compiles and links an embedding program; skips where the files are not there."""
    config = need_command(f"{python}-config")
    flags = subprocess.run([config, "--includes", "--ldflags", "--embed"], stdout=subprocess.PIPE, text=True).stdout.split()
    if static:
        folder = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_config_var('LIBPL'))"],
                                stdout=subprocess.PIPE, text=True).stdout.strip()
        library = next((file for file in pathlib.Path(folder).glob("libpython3*.a") if "-pic" not in file.name), None)
        if not library:
            pytest.skip("no static libpython")
        flags = [flag for flag in flags if not flag.startswith("-lpython")] + [str(library), "-no-pie", "-Wl,--export-dynamic", "-lexpat",
                                                                               "-lz", "-lm", "-ldl", "-lutil"]
    return flags


@both
@pytest.mark.parametrize("kind", ["shared", "static", "late"])
def test_embedded(kind, recording, tmp_path):
    python = need_system_python()
    need_command("cc")
    (tmp_path / "job.py").write_text(BURN + "def job():\n    burn(0.6)\njob()\n")
    arguments = []
    if kind == "late":
        flags = ["-DLATE"]
        arguments = [f"libpython{SYSTEM.major}.{SYSTEM.minor}.so.1.0"]
        if subprocess.run([python, "-c", f"import ctypes; ctypes.CDLL({arguments[0]!r})"], stderr=subprocess.DEVNULL).returncode:
            pytest.skip(f"no {arguments[0]}")
    else:
        flags = embed_flags(python, kind == "static")
    program = tmp_path / "embed"
    built = subprocess.run(["cc", "-O1", "-o", program, TARGETS / "embed.c", *flags, "-ldl"], stderr=subprocess.PIPE, text=True)
    if built.returncode:
        pytest.skip(f"embedding does not link here: {built.stderr[-200:]}")
    record(recording, "--", program, tmp_path / "job.py", *arguments)
    check(recording, "main", "<module>", "job")
    assert any(any("burn_in_c" in frame for frame in stack.frames) for stack in collapsed(recording))


@both
def test_perf_trampoline(recording, tmp_path):
    found = [i for i in FOUND if i[:2] >= (3, 12)]
    if not found:
        pytest.skip("no CPython 3.12 or newer")
    (tmp_path / "job.py").write_text(BURN + "burn()")
    for interpreter in found:
        record(recording, "--", interpreter.path, "-X", "perf", tmp_path / "job.py")
        check(recording, "<module>")


@both
@pytest.mark.parametrize("library", ["greenlet", "gevent"])
def test_greenlets(library, recording, tmp_path):
    python = need_system_python(library)
    switch = ("import greenlet\ndef green():\n    for _ in range(50):\n        burn(0.01)\n        main.switch()\n"
              "main = greenlet.getcurrent()\nchildren = [greenlet.greenlet(green) for _ in range(3)]\n"
              "for _ in range(50):\n    for child in children: child.switch()\n")
    spawn = ("import gevent\ndef green():\n    for _ in range(50):\n        burn(0.01)\n        gevent.sleep(0)\n"
             "gevent.joinall([gevent.spawn(green) for _ in range(3)])\n")
    (tmp_path / "job.py").write_text(BURN + (switch if library == "greenlet" else spawn))
    record(recording, "--", python, tmp_path / "job.py")
    # The frames of a greenlet are in place. Below them on the C stack lie those of whoever started it, which no list of
    # CPython's leads to any more: each stack says that these are missing.
    check(recording, "green", least=0)


@both
def test_cython(recording, tmp_path):
    python = need_system_python("Cython")
    need_command("cc")
    (tmp_path / "fast.pyx").write_text("def through_cython(function):\n    total = 0\n    for i in range(3):\n        total += i\n"
                                       "        function()\n    return total\n")
    built = subprocess.run([python, "-m", "Cython.Build.Cythonize", "-i", "-3", "fast.pyx"], cwd=tmp_path,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if built.returncode:
        pytest.skip(f"Cython does not work here: {built.stdout[-200:]}")
    (tmp_path / "job.py").write_text(BURN + "import fast\nfast.through_cython(burn)\n")
    record(recording, "--", python, tmp_path / "job.py")
    check(recording, "<module>", "__pyx_pw_4fast_1through_cython")


@both
def test_pybind11(recording, tmp_path):
    python = need_system_python("pybind11")
    need_command("c++")
    (tmp_path / "bound.cpp").write_text(
        "#include <pybind11/pybind11.h>\n"
        "void through_bind(pybind11::function f) { for (int i = 0; i < 2; i++) f(); }\n"
        "PYBIND11_MODULE(bound, m) { m.def(\"through_bind\", &through_bind); }\n")
    flags = subprocess.run([python, "-m", "pybind11", "--includes"], stdout=subprocess.PIPE, text=True).stdout.split()
    suffix = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))"],
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    built = subprocess.run(["c++", "-O2", "-shared", "-fPIC", "-std=c++17", *flags, "bound.cpp", "-o", "bound" + suffix],
                           cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    if built.returncode:
        pytest.skip(f"pybind11 does not work here: {built.stderr[-200:]}")
    (tmp_path / "job.py").write_text(BURN + "import bound\nbound.through_bind(burn)\n")
    record(recording, "--", python, tmp_path / "job.py")
    check(recording, "<module>", "through_bind")


RUST = """
use std::os::raw::{c_char, c_int, c_long, c_void};
type Object = *mut c_void;
#[repr(C)] struct Method { name: *const c_char, function: *const c_void, flags: c_int, doc: *const c_char }
#[repr(C)] struct Base { refcount: isize, kind: *const c_void, init: *const c_void, index: isize, copy: *const c_void }
#[repr(C)] struct Module { base: Base, name: *const c_char, doc: *const c_char, size: isize, methods: *mut Method,
                           slots: *const c_void, traverse: *const c_void, clear: *const c_void, free: *const c_void }
extern "C" {
    fn PyModule_Create2(module: *mut Module, version: c_int) -> Object;
    fn PyObject_CallNoArgs(callable: Object) -> Object;
    fn PyLong_FromLong(value: c_long) -> Object;
}
#[no_mangle] #[inline(never)]
extern "C" fn through_rust(_module: Object, callable: Object) -> Object {
    let mut calls = 0;
    for _ in 0..2 { unsafe { if PyObject_CallNoArgs(callable).is_null() { return std::ptr::null_mut(); } } calls += 1; }
    unsafe { PyLong_FromLong(calls) }
}
#[no_mangle]
extern "C" fn PyInit_rusty() -> Object {
    let methods = Box::leak(Box::new([
        Method { name: b"through_rust\\0".as_ptr().cast(), function: through_rust as *const c_void, flags: 8, doc: std::ptr::null() },
        Method { name: std::ptr::null(), function: std::ptr::null(), flags: 0, doc: std::ptr::null() }]));
    let null = std::ptr::null();
    let module = Box::leak(Box::new(Module {
        base: Base { refcount: 1, kind: null, init: null, index: 0, copy: null }, name: b"rusty\\0".as_ptr().cast(),
        doc: null.cast(), size: -1, methods: methods.as_mut_ptr(), slots: null, traverse: null, clear: null, free: null }));
    unsafe { PyModule_Create2(module, 1013) }
}
"""


@both
def test_rust_extension(recording, tmp_path):
    python = need_system_python()
    rustc = need_command("rustc")
    (tmp_path / "rusty.rs").write_text(RUST)
    built = subprocess.run([rustc, "--crate-type", "cdylib", "-O", "-o", tmp_path / "rusty.so", tmp_path / "rusty.rs"],
                           stderr=subprocess.PIPE, text=True)
    if built.returncode:
        pytest.skip(f"rustc does not work here: {built.stderr[-200:]}")
    (tmp_path / "job.py").write_text(BURN + "import rusty\nrusty.through_rust(burn)\n")
    record(recording, "--", python, tmp_path / "job.py")
    check(recording, "<module>", "through_rust")


@both
def test_numba(recording, tmp_path):
    python = need_system_python("numba")
    (tmp_path / "job.py").write_text(
        "import time, numba\n@numba.njit\ndef compiled(n):\n    total = 0.0\n    for i in range(n): total += i * 0.5\n    return total\n"
        "def burn():\n    end = time.thread_time() + 1\n    while time.thread_time() < end: compiled(3000000)\n"
        "compiled(1)\nburn()\n")
    record(recording, "--", python, tmp_path / "job.py")
    # Compiled code is memory without a file and without unwind tables that are known: the stack has a gap, and says so.
    check(recording, "<module>", least=0, of=0.5)


@both
@pytest.mark.parametrize("package, work, native", [
    ("scipy.linalg", "scipy.linalg.lu_factor(data)", "getrf"), ("pandas", "frame.sort_values('a')", "")], ids=["scipy", "pandas"])
def test_scientific(package, work, native, recording, tmp_path):
    python = need_system_python(package, "numpy")
    (tmp_path / "job.py").write_text(
        f"import time, numpy, {package}\ndata = numpy.random.rand(300, 300)\n" +
        ("frame = pandas.DataFrame({'a': numpy.random.rand(200000)})\n" if package == "pandas" else "") +
        f"def burn():\n    end = time.thread_time() + 0.7\n    while time.thread_time() < end: {work}\nburn()\n")
    record(recording, "--", python, tmp_path / "job.py", env=dict(os.environ, OPENBLAS_NUM_THREADS="1"))
    check(recording, "<module>")
    if native:
        assert any(native in frame for stack in collapsed(recording) for frame in stack.frames)


SERVER = BURN + "def application(environ, start_response):\n    burn(0.2)\n    start_response('200 OK', [])\n    return [b'x']\n"


def ask(port, times):
    """Requests; waits for the server first."""
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read()
            break
        except OSError:
            time.sleep(0.1)
    for _ in range(times):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read()


@both
@pytest.mark.parametrize("server", ["gunicorn", "uwsgi"])
def test_servers_that_fork(server, recording, tmp_path):
    port = 8700 + os.getpid() % 200 + (server == "uwsgi")
    (tmp_path / "app.py").write_text(SERVER)
    if server == "gunicorn":
        command = [need_system_python("gunicorn"), need_command("gunicorn"), "-w", "2", "-b", f"127.0.0.1:{port}", "app:application"]
    else:
        command = [need_command("uwsgi_python3"), "--http-socket", f"127.0.0.1:{port}", "--master", "-p", "2", "--wsgi-file", "app.py",
                   "--die-on-term", "--need-app"]
    options = plait_runner.ENGINE_OPTIONS[plait_runner.engine]
    recorder = subprocess.Popen([PLAIT, "record", "-q", *options, "-o", recording, "--", *command], cwd=tmp_path,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ask(port, 5)
    finally:
        recorder.send_signal(signal.SIGTERM)
        recorder.wait(30 * SLOWNESS)
    check(recording, "application")


@both
def test_drops_privileges(recording, tmp_path):
    if os.getuid() != 0:
        pytest.skip("needs root")
    code = BURN + "import os\nos.setgid(65534)\nos.setuid(65534)\nprint(os.getuid(), flush=True)\nburn(1)\n"
    result = record(recording, "--", sys.executable, "-c", code)
    assert result.stdout == "65534\n"
    check(recording, "<module>")


@both
def test_renames_itself(recording, tmp_path):
    code = BURN + ("import ctypes\nctypes.CDLL(None).prctl(15, b'other name', 0, 0, 0)\nburn(0.7)\n")
    record(recording, "--", sys.executable, "-c", code)
    check(recording, "<module>")
    assert any(frame.startswith("other name:") for stack in collapsed(recording, "--by-thread")
               for frame in stack.frames[:2])


@both
def test_debug_build(recording, tmp_path):
    python = need_command("python3d")
    (tmp_path / "job.py").write_text(BURN + "burn()")
    record(recording, "--", python, tmp_path / "job.py")
    check(recording, "<module>")


@pytest.mark.engines("bpf", "agent", "ptrace")
def test_jit(recording):
    """Nothing wrong is shown beside code of CPython's JIT; from 3.15 on, whose JIT keeps frame pointers, nothing is missing."""
    code = "import sys; sys.exit(not (hasattr(sys, '_jit') and sys._jit.is_enabled()))"
    environment = dict(os.environ, PYTHON_JIT="1")
    found = [i for i in FOUND if i[:2] >= (3, 14) and subprocess.run([i.path, "-c", code], env=environment).returncode == 0]
    if not found:
        pytest.skip("no CPython with a JIT")
    target = TARGETS / "reentry.py"
    for interpreter in found:
        record(recording, "--", interpreter.path, target, "2", env=environment)
        checked, marked, problems = Grammar(target).check(collapsed(recording))
        assert not problems, problems[:3]
        assert checked > 50
        if interpreter[:2] >= (3, 15):
            assert marked < 0.02 * checked, trust(recording)


@both
def test_runs_for_a_second_only(recording, tmp_path):
    """The start counts too: nine of ten of all samples are whole, those of the start included."""
    record(recording, "--", sys.executable, "-c", BURN + "burn(0.8)")
    check(recording, "<module>")
    assert trust(recording)["complete"] >= 0.99 * trust(recording)["samples"]


@pytest.mark.engines("bpf", "ptrace")
def test_started_before(recording, tmp_path):
    (tmp_path / "job.py").write_text(BURN + "print('up', flush=True)\nburn(60)\n")
    target = subprocess.Popen([sys.executable, tmp_path / "job.py"], stdout=subprocess.PIPE)
    try:
        target.stdout.readline()
        record_attached(recording, [target.pid], 1)
    finally:
        target.kill()
        target.wait()
        target.stdout.close()
    check(recording, "<module>")


@both
def test_files_replaced_while_it_runs(recording, tmp_path):
    """An upgrade: the module that runs, and the interpreter's own library, are other files now. Lines are those that
    ran."""
    module = tmp_path / "job.py"
    module.write_text(BURN + f"def first():\n    burn({0.8 * SLOWNESS})\nprint('up', flush=True)\nfirst()\n")
    options = plait_runner.ENGINE_OPTIONS[plait_runner.engine]
    recorder = subprocess.Popen([PLAIT, "record", "-q", *options, "-o", recording, "--", sys.executable, module],
                                stdout=subprocess.PIPE)
    with recorder.stdout:
        recorder.stdout.readline()
    module.unlink()
    module.write_text("# nothing of what ran\n")
    assert recorder.wait(60 * SLOWNESS) == 0
    check(recording, "<module>", "first")
    assert any("first (" in frame and frame.endswith(":6)") for stack in collapsed(recording) for frame in stack.frames)
