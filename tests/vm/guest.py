"""A guest: its files as an initramfs, and a run of it under QEMU."""
import ctypes
import lzma
import os
import pathlib
import platform
import re
import shutil
import signal
import stat
import subprocess
import time

from debian import MULTIARCH, Archive, Unavailable, host_release, unpack

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# User space is always the host's release, for which plait is built; --release chooses the kernel.
PACKAGES = """busybox-static bash dash coreutils util-linux procps zstd libc-bin python3 python3-pytest python3-numpy
    libopenblas0-pthread linux-perf libdw1 libelf1 libcapstone4 libbpf1 libzstd1 zlib1g libpfm4 libcmocka0 libzydis4.0
    """.split()
# For the tests that compile a program: an archive of its own, which only their guests load.
COMPILER = ["gcc", "libc6-dev"]
HOST = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
BUILDS = {arch: "dev" if arch == HOST else f"cross-{name}" for arch, name in (("amd64", "x86_64"), ("arm64", "aarch64"))}
MODULES = ("virtio_pci", "9p", "9pnet_virtio")
MACHINES = {
    "amd64": ("qemu-system-x86_64", ["-cpu", "max"], "ttyS0"),
    "arm64": ("qemu-system-aarch64", ["-M", "virt", "-cpu", "cortex-a72,pmu=on"], "ttyAMA0"),
}


class CpioWriter:
    """An archive in the format that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format)."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.seen = set()
        self.inode = 0

    def entry(self, name, mode, data=b"", rdev=(0, 0), mtime=0):
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, mtime, len(data), 0, 0, *rdev, len(name.encode()) + 1, 0]
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        self.file.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))

    def parents(self, name):
        for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
            if str(parent) not in self.seen:
                self.entry(str(parent), stat.S_IFDIR | 0o755)
                self.seen.add(str(parent))

    def add(self, path, name):
        """One file, link or folder (without what is in it) as `name`, which has no leading slash."""
        if name in self.seen:
            return
        self.parents(name)
        self.seen.add(name)
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            self.entry(name, found.st_mode, os.readlink(path).encode())
        elif stat.S_ISDIR(found.st_mode):
            self.entry(name, found.st_mode)
        elif stat.S_ISREG(found.st_mode):
            self.entry(name, found.st_mode, path.read_bytes(), mtime=int(found.st_mtime))

    def text(self, name, text, mode=0o644):
        self.parents(name)
        self.entry(name, stat.S_IFREG | mode, text.encode())

    def tree(self, path, name="", keep=lambda path: True):
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(f for f in folders if keep(pathlib.Path(folder, f)))
            for each in folders + sorted(f for f in files if keep(pathlib.Path(folder, f))):
                full = pathlib.Path(folder, each)
                self.add(full, str(pathlib.PurePosixPath(name) / full.relative_to(path)))

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.write(b"\0" * (-self.file.tell() % 512))
        self.file.close()


def cached(folder, key, make):
    """`folder` with what make(folder) puts there; made anew when `key` is another than the one it was made with."""
    stamp = folder / ".made-of"
    if not stamp.exists() or stamp.read_text() != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        stamp.write_text(key)
    return folder


def user_space(work, arch):
    """The archive of the guest's user space."""
    release = host_release()

    def make(folder):
        unpack(Archive(work, release, arch).download(PACKAGES), folder / "root")
        configure(folder / "root", arch)
        write_archive(folder)

    return cached(work / f"user-{release}-{arch}", f"{release} {' '.join(PACKAGES)} 5", make) / "root.cpio"


def compiler(work, arch):
    """The archive of what compiling takes besides the user space."""
    release = host_release()

    def make(folder):
        archive = Archive(work, release, arch)
        there = archive.download(PACKAGES)
        unpack([file for file in archive.download(PACKAGES + COMPILER) if file not in there], folder / "root")
        (folder / "root/usr/bin/cc").symlink_to("gcc")
        write_archive(folder)

    return cached(work / f"compiler-{release}-{arch}", f"{release} {' '.join(PACKAGES + COMPILER)} 5", make) / "root.cpio"


def write_archive(folder):
    writer = CpioWriter(folder / "root.cpio")
    writer.tree(folder / "root", keep=useful)
    writer.close()
    shutil.rmtree(folder / "root")


def useful(path):
    """Not what is large and never run: link-time optimisation, the sanitizers' archives."""
    return path.name not in ("lto1", "lto-wrapper") and not path.match("lib*san.a")


def configure(root, arch):
    """What the scripts of the packages would have done, as far as tests need it."""
    libraries = root / "usr/lib" / MULTIARCH[arch]
    for name in ("libblas.so.3", "liblapack.so.3", "libopenblas.so.0"):
        if not (libraries / name).exists():
            (libraries / name).symlink_to(f"openblas-pthread/{name}")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost guest\n")
    # Compiled modules, which take long on an emulated processor, by a Python of the same version, if the host has it.
    version = next((root / "usr/bin").glob("python3.*")).name
    if shutil.which(f"/usr/bin/{version}"):
        subprocess.run([f"/usr/bin/{version}", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", root,
                        *(root / "usr/lib").glob("python3*")], stdout=subprocess.DEVNULL, check=False)


def kernel(work, release, arch):
    """The folder with vmlinuz and modules.cpio of the newest kernel of a release."""

    def make(folder):
        root = folder / "root"
        unpack(Archive(work, release, arch).download_kernel(), root)
        images = [*sorted((root / "boot").glob("vmlinuz-*")), *(root / "usr/lib/modules").glob("*/vmlinuz")]
        if not images:
            raise Unavailable(f"the kernel packages of Debian {release} {arch} have no vmlinuz")
        shutil.copy(images[-1], folder / "vmlinuz")
        writer = CpioWriter(folder / "modules.cpio")
        order = []
        for name in MODULES:
            add_module(root, name, writer, order)
        writer.text("modules/order", "".join(name + "\n" for name in order))
        writer.close()
        shutil.rmtree(root)

    return cached(work / f"kernel-{release}-{arch}", "1", make)


def add_module(root, name, writer, order):
    """Puts a module and those that it needs into the archive; one that is built in has no file."""
    files = [path for path in (root / "usr/lib/modules").rglob("*.ko*")
             if path.name.split(".ko")[0].replace("-", "_") == name.replace("-", "_")]
    if not files or files[0].name.split(".ko")[0] + ".ko" in order:
        return
    data = files[0].read_bytes()
    if files[0].suffix == ".xz":
        data = lzma.decompress(data)
    for needed in re.search(rb"\0depends=([^\0]*)", data)[1].decode().split(","):
        if needed:
            add_module(root, needed, writer, order)
    file = files[0].name.split(".ko")[0] + ".ko"
    writer.parents(f"modules/{file}")
    writer.entry(f"modules/{file}", stat.S_IFREG | 0o644, data)
    order.append(file)


def wanted_file(path):
    return path.name not in ("__pycache__", "CMakeFiles", "corpus", "golden") and path.suffix not in (".o", ".a", ".d")


def add_project(writer, build):
    """The tests and the built programs at the paths that they have on the host, so that what is compiled in fits."""
    for name in ("tests", "examples", "bench"):
        writer.tree(ROOT / name, str(ROOT / name).lstrip("/"), wanted_file)
    for path in [build / "plait", build / "libplait-agent.so", *(build / "tests").iterdir()]:
        if path.is_file() and os.access(path, os.X_OK):
            writer.add(path, str(path).lstrip("/"))


def die_with_parent():
    """prctl(PR_SET_PDEATHSIG, SIGKILL): no machine outlives its run, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """What to boot. run() may be called several times."""

    def __init__(self, work, release, arch, cpus=2, memory="3G", icount=None, cpu=None):
        self.work, self.release, self.arch = pathlib.Path(work), release, arch
        self.cpus, self.memory, self.icount, self.cpu = cpus, memory, icount, cpu
        self.qemu, self.options, self.console = MACHINES[arch]
        if not shutil.which(self.qemu):
            raise Unavailable(f"no {self.qemu} (Debian: qemu-system-{'x86' if arch == 'amd64' else 'arm'})")

    def prepare(self):
        self.work.mkdir(parents=True, exist_ok=True)
        self.user = user_space(self.work, self.arch)
        self.kernel = kernel(self.work, self.release, self.arch)

    def run(self, job, build, results, seconds, extra=(), folders=(), say=None):
        """Boots, runs the shell script `job`, and returns its exit status; None when it did not end in time. What it wrote
        to /results is in the folder `results`. `extra` are more archives for the initramfs, `folders` are in it at the
        paths that they have here."""
        shutil.rmtree(results, ignore_errors=True)
        results.mkdir(parents=True)
        image = results.parent / f"{results.name}.cpio"
        writer = CpioWriter(image)
        writer.seen.add("usr")
        add_project(writer, build)
        for folder in folders:
            writer.tree(folder, str(folder).lstrip("/"))
        writer.text("job", job, 0o755)
        writer.text("init", (HERE / "init").read_text(), 0o755)
        writer.close()
        initrd = results.parent / f"{results.name}.initrd"
        with open(initrd, "wb") as whole:
            for part in (self.user, *extra, self.kernel / "modules.cpio", image):
                with open(part, "rb") as source:
                    shutil.copyfileobj(source, whole)
        image.unlink()
        options = list(self.options)
        if self.cpu:
            options[options.index("-cpu") + 1] = self.cpu
        if self.icount is not None:
            options += ["-icount", f"shift={self.icount},sleep=off"]
        command = [self.qemu, *options, "-accel", "tcg", "-smp", str(self.cpus), "-m", self.memory, "-nographic", "-no-reboot", "-net", "none",
                   "-kernel", self.kernel / "vmlinuz", "-initrd", initrd,
                   "-virtfs", f"local,path={results},mount_tag=results,security_model=none",
                   "-append", f"console={self.console} rdinit=/init quiet panic=-1 vm.now={int(time.time())}"]
        try:
            return self.boot(command, results, seconds, say)
        finally:
            initrd.unlink()

    def boot(self, command, results, seconds, say):
        with open(results / "console", "wb") as console:
            machine = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                                       preexec_fn=die_with_parent)
            end = time.monotonic() + seconds
            try:
                while machine.poll() is None and time.monotonic() < end:
                    time.sleep(0.2)
                    if say:
                        say()
            finally:
                machine.kill()
                machine.wait()
        status = results / "status"
        return int(status.read_text()) if status.exists() else None

