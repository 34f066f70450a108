"""Completions and man pages: made from the option tables, so they have to say what --help says; run by the real shells."""
import pathlib
import re
import shutil
import subprocess

import pytest

from plait_runner import PLAIT, run_plait


def commands():
    said = run_plait("--help").stdout
    return re.findall(r"^  (\w+) +\S", said, re.M)


def options_of(command):
    """{long name: letter or None} of what --help shows."""
    found = re.findall(r"^  (?:-(\w), |    )?--([\w-]+)", run_plait(command, "--help").stdout, re.M)
    found += re.findall(r"^  -(\w), --([\w-]+)", run_plait(command, "--help").stdout, re.M)
    return {name: letter or None for letter, name in found}


def complete_bash(tmp_path, *words):
    """What bash completes for the last of `words`."""
    script = tmp_path / "completion.bash"
    script.write_text(run_plait("completions", "bash").stdout)
    line = " ".join(f"'{word}'" for word in words)
    asked = (f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _plait 2>&1; "
             "printf '%s\\n' \"${COMPREPLY[@]}\"")
    result = subprocess.run(["bash", "--norc", "-c", asked], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            universal_newlines=True, timeout=30, cwd=tmp_path)
    assert result.stderr == ""
    return set(result.stdout.split())


def test_there_are_commands_and_options():
    assert len(commands()) > 8 and "record" in commands()
    assert options_of("record")["output"] == "o" and "engine" in options_of("record")


def test_bash_completes_commands_options_values_and_files(tmp_path):
    assert complete_bash(tmp_path, "plait", "") >= set(commands())
    assert complete_bash(tmp_path, "plait", "rec") == {"record"}
    for command in commands():
        wanted = {f"--{name}" for name in options_of(command)} | {f"-{letter}" for letter in options_of(command).values() if letter}
        assert complete_bash(tmp_path, "plait", command, "-") == wanted | {"-h", "--help"}
    assert complete_bash(tmp_path, "plait", "record", "--engine", "p") == {"perf", "ptrace"}
    assert complete_bash(tmp_path, "plait", "export", "-F", "") >= {"html", "pprof"}
    (tmp_path / "job.plait").touch()
    assert complete_bash(tmp_path, "plait", "report", "jo") == {"job.plait"}
    assert complete_bash(tmp_path, "plait", "record", "-o", "jo") == {"job.plait"}
    assert "python3" in complete_bash(tmp_path, "plait", "record", "--", "pytho")
    assert "1" in complete_bash(tmp_path, "plait", "record", "-p", "1")


def test_fish_completes_the_same(tmp_path):
    if not shutil.which("fish"):
        pytest.skip("needs fish")
    script = tmp_path / "plait.fish"
    script.write_text(run_plait("completions", "fish").stdout)

    def complete(line):
        result = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], cwd=tmp_path,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=60,
                                env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
        assert result.stderr == "", result.stderr
        return {line.split("\t")[0] for line in result.stdout.splitlines()}

    assert complete("plait ") >= set(commands())
    for command in commands():
        assert complete(f"plait {command} --") == {f"--{name}" for name in options_of(command)} | {"--help"}
    assert complete("plait record --engine p") == {"perf", "ptrace"}


def test_zsh_completions_are_correct_and_whole(tmp_path):
    text = run_plait("completions", "zsh").stdout
    for command in commands():
        part = text.split(f"\t{command})\n", 1)[1].split(";;", 1)[0]
        assert set(re.findall(r"--([\w-]+)[}\[]", part)) == set(options_of(command)) | {"help"}
    if not shutil.which("zsh"):
        pytest.skip("needs zsh: its text was compared, but not run")
    (tmp_path / "_plait").write_text(text)
    assert subprocess.run(["zsh", "-n", str(tmp_path / "_plait")], stderr=subprocess.PIPE, timeout=30).stderr == b""
    loaded = subprocess.run(["zsh", "-f", "-c", f"fpath=({tmp_path} $fpath); autoload -Uz compinit; "
                             f"compinit -u -d {tmp_path}/dump; print $_comps[plait]"], stdout=subprocess.PIPE, timeout=60)
    assert loaded.stdout.strip() == b"_plait"


def test_man_pages_have_every_option():
    overview = run_plait("manual").stdout
    for command in commands():
        assert f"plait\\-{command}" in overview
        page = run_plait("manual", command).stdout
        shown = {name.replace("\\-", "-") for name in re.findall(r"\\fB\\-\\-((?:\w|\\-)+)\\fR", page)}
        assert shown == set(options_of(command)) | {"help"}
        letters = set(re.findall(r"^\\fB\\-(\w)\\fR, ", page, re.M))
        assert letters == {letter for letter in options_of(command).values() if letter} | {"h"}


def test_man_pages_are_clean():
    if not shutil.which("mandoc"):
        pytest.skip("needs mandoc")
    for words in [[], *[[command] for command in commands()]]:
        page = run_plait("manual", *words).stdout
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page, stdout=subprocess.PIPE,
                              universal_newlines=True, timeout=30).stdout
        problems = [line for line in lint.splitlines() if "missing date" not in line]
        assert problems == []
        text = subprocess.run(["mandoc", "-T", "ascii"], input=page, stdout=subprocess.PIPE, universal_newlines=True,
                              timeout=30).stdout
        assert "PLAIT" in text
        launches = not words or words[0] in ("record", "stat")
        assert ("126, 127" in text) == launches


def test_wrong_words():
    assert "bash, zsh or fish" in run_plait("completions").stderr
    assert run_plait("completions", "csh").returncode == 2
    assert "there is no command 'nonesuch'" in run_plait("manual", "nonesuch").stderr


def test_install_puts_them_where_shells_and_man_look(tmp_path):
    build = pathlib.Path(PLAIT).parent
    if not shutil.which("cmake") or not (build / "cmake_install.cmake").exists():
        pytest.skip("needs the build folder")
    subprocess.run(["cmake", "--install", str(build), "--prefix", str(tmp_path)], stdout=subprocess.DEVNULL, check=True,
                   timeout=60)
    share = tmp_path / "share"
    for shell, file in (("bash", "bash-completion/completions/plait"), ("zsh", "zsh/site-functions/_plait"),
                        ("fish", "fish/vendor_completions.d/plait.fish")):
        assert (share / file).read_text() == run_plait("completions", shell).stdout
    pages = {f"plait-{command}.1": [command] for command in commands()} | {"plait.1": []}
    assert {path.name for path in (share / "man" / "man1").iterdir()} == set(pages)
    for name, words in pages.items():
        assert (share / "man" / "man1" / name).read_text() == run_plait("manual", *words).stdout
