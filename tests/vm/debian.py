"""Debian packages of any release and architecture, downloaded and unpacked, never installed.

apt gets a configuration, lists and a status file of its own. Where packages come from is read from the host's own sources,
with another release in place of the host's."""
import glob
import pathlib
import re
import shutil
import subprocess

MULTIARCH = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
KEPT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian",
            "usr/share/icons", "usr/share/perl", "usr/share/bash-completion", "usr/lib/systemd")


class Unavailable(Exception):
    """Packages that cannot be had here, and why."""


def host_release():
    """The codename of the host's Debian, such as bookworm."""
    text = pathlib.Path("/etc/os-release").read_text()
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if fields.get("ID") != "debian":
        raise Unavailable(f"guests are made of Debian packages from the host's own sources, and this host is "
                          f"{fields.get('PRETTY_NAME', 'no Debian')}")
    return fields["VERSION_CODENAME"].strip('"')


def source_for(release):
    """The text of a deb822 source with the host's main archive and another release; the host's own suites left out."""
    host = host_release()
    for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", pathlib.Path(path).read_text()):
            if re.search(rf"^Suites:.*\b{host}(\s|$)", stanza, re.M):
                return re.sub(r"^Suites:.*$", f"Suites: {release}", stanza, flags=re.M) + "\n"
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*.list"))]:
        if pathlib.Path(path).exists():
            for line in pathlib.Path(path).read_text().splitlines():
                found = re.match(rf"deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+{host}\s", line)
                if found:
                    return f"Types: deb\nURIs: {found[1]}\nSuites: {release}\nComponents: main\n"
    raise Unavailable(f"no source of apt on this host names the release {host}, so none can be made for {release}")


class Archive:
    """One release and architecture; everything lies under `folder`."""

    def __init__(self, folder, release, arch):
        self.release, self.arch = release, arch
        self.folder = pathlib.Path(folder) / f"apt-{release}-{arch}"
        self.debs = self.folder / "cache" / "archives"
        for sub in ("lists/partial", "cache/archives/partial"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "release.sources").write_text(source_for(release))
        self.updated = False

    def apt(self, program, *words):
        options = {"Dir::State": self.folder, "Dir::State::status": self.folder / "status",
                   "Dir::State::lists": self.folder / "lists", "Dir::Cache": self.folder / "cache",
                   "Dir::Etc::sourcelist": self.folder / "release.sources", "Dir::Etc::sourceparts": "-",
                   "APT::Architecture": self.arch, "APT::Architectures": self.arch, "APT::Sandbox::User": "root",
                   "APT::Install-Recommends": "false", "Acquire::Languages": "none", "Acquire::Retries": "3"}
        command = [program, *(f"-o{key}={value}" for key, value in options.items()), *map(str, words)]
        try:
            done = subprocess.run(command, cwd=self.debs, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=600)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{program} {words[0]} for Debian {self.release} {self.arch}: {error}") from None
        # apt-get update says "Err" and ends with 0 where a list could not be fetched.
        failed = [line for line in (done.stdout + done.stderr).splitlines() if re.match(r"(E:|Err:|W: Failed)", line)]
        if done.returncode or (words[0] == "update" and failed):
            raise Unavailable(f"{program} {words[0]} for Debian {self.release} {self.arch}: "
                              f"{' '.join(failed[:2]) or f'status {done.returncode}'}")
        return done.stdout

    def update(self):
        if not self.updated:
            self.apt("apt-get", "update")
            self.updated = True

    def download(self, packages):
        """The .deb files of `packages` and all that they depend on."""
        self.update()
        plan = re.findall(r"^Inst (\S+) \((\S+) ", self.apt("apt-get", "install", "-s", *packages), re.M)
        self.apt("apt-get", "install", "-y", "--download-only", *packages)
        return [file for name, version in plan
                for file in self.debs.glob(f"{name}_{version.replace(':', '%3a')}_*.deb")]

    def download_kernel(self):
        """The .deb files of the newest kernel, without what its package depends on."""
        self.update()
        wanted, done = [f"linux-image-{self.arch}"], []
        while wanted:
            name = wanted.pop()
            depends = self.apt("apt-cache", "depends", "--important", name)
            wanted += [found for found in re.findall(r"^  Depends: (linux-(?:image|binary|modules)\S+)", depends, re.M)
                       if found not in done and found not in wanted]
            done.append(name)
        self.apt("apt-get", "download", *done[1:])
        return [file for name in done[1:] for file in self.debs.glob(f"{name}_*.deb")]


def unpack(files, root):
    """dpkg -x of all, with /bin, /sbin and /lib merged into /usr as on installed systems."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for file in files:
        subprocess.run(["dpkg", "-x", file, root], check=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        apart = root / name
        if apart.is_dir() and not apart.is_symlink():
            (root / "usr" / name).mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", f"{apart}/.", root / "usr" / name], check=True)
            shutil.rmtree(apart)
        if (root / "usr" / name).exists() and not apart.exists():
            apart.symlink_to(f"usr/{name}")
    for name in KEPT_OUT:
        shutil.rmtree(root / name, ignore_errors=True)
