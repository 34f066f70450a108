"""A headless Chromium for tests of what is on the screen, and packages of npm that are real viewers."""
import contextlib
import functools
import io
import os
import pathlib
import shutil
import subprocess

import pytest

CACHE = pathlib.Path(os.environ.get("PLAIT_TEST_BIN", pathlib.Path(__file__).resolve().parents[2] / "build")) / "viewers"


@contextlib.contextmanager
def browser(width=1400, height=1000, dark=False):
    """A selenium driver; the test is skipped where there is no Chromium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs python3-selenium")
    driver_path = shutil.which("chromedriver")
    if not driver_path or not shutil.which("chromium"):
        pytest.skip("needs chromium and chromium-driver")
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}",
                 "--allow-file-access-from-files", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        if dark:
            driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                   {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        yield driver
    finally:
        driver.quit()


def wait_for(driver, script, seconds=30):
    """What `script` returns as soon as that is true."""
    from selenium.webdriver.support.ui import WebDriverWait
    return WebDriverWait(driver, seconds).until(lambda d: d.execute_script("return " + script))


def open_page(driver, path):
    """Opens an HTML export and waits until it has been drawn; nothing may go wrong or reach for a network."""
    driver.get(f"file://{path}")
    assert wait_for(driver, "document.body.dataset.ready") == "yes", \
        driver.execute_script("return document.getElementById('error').textContent")
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def pixels(driver, selector):
    """The picture of an element as it is on the screen: a PIL image."""
    image = pytest.importorskip("PIL.Image", reason="needs python3-pil")
    element = driver.find_element("css selector", selector)
    return image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")


@functools.lru_cache(maxsize=None)
def npm_package(name):
    """The folder of a package from npm's registry; the test is skipped where there is none."""
    if not shutil.which("npm"):
        pytest.skip("needs npm")
    folder = CACHE / name.replace("/", "_").replace("@", "")
    path = folder / "node_modules" / (name if not name.rpartition("@")[0] else name.rpartition("@")[0])
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), name],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300)
        if result.returncode != 0 or not path.exists():
            pytest.skip(f"npm could not install {name}: {result.stdout.strip()[-200:]}")
    return path


def open_trace_viewer(driver, folder):
    """Opens the program of chrome://tracing (Catapult's trace viewer), which Debian's Chromium lacks, but Go has for `go
    tool trace`: the test is skipped where there is none. `tr` is its module then."""
    if not shutil.which("go"):
        pytest.skip("needs go (Debian: golang-go)")
    root = subprocess.run(["go", "env", "GOROOT"], stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout.strip()
    pages = list(pathlib.Path(root, "src").resolve().glob("**/static/trace_viewer_full.html"))
    if not pages:
        pytest.skip(f"there is no trace_viewer_full.html in {root}/src (Debian: golang-src)")
    page = folder / "trace_viewer.html"
    page.write_text(f"""<!DOCTYPE html><script src="file://{pages[0].parent}/webcomponents.min.js"></script>
        <link rel="import" href="file://{pages[0]}"><body style="margin: 0"><div id="viewer" style="height: 100vh"></div></body>""")
    driver.get(f"file://{page}")
    wait_for(driver, "typeof tr === 'object' && typeof tr.Model === 'function'")
