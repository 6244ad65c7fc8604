"""The system's Chromium on a page of the classic notebook, driven over the DevTools pipe (chromedevtools.github.io)."""
import base64
import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions", "--remote-debugging-pipe"]


# The server's extension that ./sarsynth lab loads, too.
EXTENSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3, "environment", "nbserver")


PATIENCE = 120  # Seconds that a busy machine may take for anything.


class Chromium:
    """One page; its scripts' errors are kept."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="chromium-")
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        shell = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null'  # Commands are read from descriptor 3 and answered on 4.
        program = shutil.which("chromium") or shutil.which("chromium-headless-shell")
        self.process = subprocess.Popen(["/bin/sh", "-c", shell, "sh", program, *FLAGS, f"--user-data-dir={self.profile}"],
                                        stdin=to_browser, stdout=from_browser, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(to_browser)
        os.close(from_browser)
        self.pending, self.last, self.errors, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=1200, height=1400, deviceScaleFactor=1, mobile=False)

    def call(self, method, timeout=PATIENCE, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        end = time.time() + timeout
        while True:
            answer = self.receive(end)
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def receive(self, end):
        while b"\0" not in self.pending:
            if not select.select([self.answers], [], [], max(0.1, end - time.time()))[0]:
                raise TimeoutError("the browser gives no answer")
            data = os.read(self.answers, 1 << 20)
            if not data:
                raise RuntimeError("the browser has ended")
            self.pending += data
        text, self.pending = self.pending.split(b"\0", 1)
        message = json.loads(text)
        if message.get("method") == "Runtime.exceptionThrown":
            details = message["params"]["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif message.get("method") == "Page.javascriptDialogOpening":
            self.last += 1
            os.write(self.commands, json.dumps({"id": self.last, "method": "Page.handleJavaScriptDialog", "params": {"accept": True},
                                                "sessionId": self.session}).encode() + b"\0")
        return message

    def js(self, expression):
        """The value of a script; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description", expression))
        return answer["result"].get("value")

    def wait(self, expression, timeout=PATIENCE):
        """Waits until a script's value is true; returns it."""
        end = time.time() + timeout
        while True:
            with contextlib.suppress(RuntimeError):
                if value := self.js(expression):
                    return value
            if time.time() > end:
                raise TimeoutError(f"not so within {timeout} s: {expression}")
            time.sleep(0.05)

    def key(self, key, code=0, modifiers=0, text=None):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers, **more)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def place(self, selector):
        """Scrolls an element into view; its centre and size."""
        return self.js(f"""(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});
            const r = e.getBoundingClientRect(); return {{x: r.x + r.width / 2, y: r.y + r.height / 2, width: r.width, height: r.height}}; }})()""")

    def click(self, selector, at=0.5):
        place = self.place(selector)
        x = place["x"] + (at - 0.5) * place["width"]
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=place["y"], button="none" if kind == "mouseMoved" else "left",
                      clickCount=0 if kind == "mouseMoved" else 1)

    def screenshot(self, path, height=1400):
        self.call("Emulation.setDeviceMetricsOverride", width=1200, height=height, deviceScaleFactor=1, mobile=False)
        time.sleep(0.3)
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self.session = None
            self.call("Browser.close", timeout=5)
        end_group(self.process)
        os.close(self.commands)
        os.close(self.answers)
        shutil.rmtree(self.profile, ignore_errors=True)


# What a page that does not complete is asked.
STATE = """(async c => JSON.stringify({text: c.get_text(), cursor: c.code_mirror.getCursor(), focus: c.code_mirror.hasFocus(),
    mode: Jupyter.notebook.mode, busy: Jupyter.notebook.kernel_busy, popup: document.querySelector('#complete')?.textContent,
    kernel: await new Promise(done => { c.kernel.complete(c.get_text(), c.code_mirror.indexFromPos(c.code_mirror.getCursor()), r => done(r.content));
        setTimeout(() => done('no answer'), 20000); })}))(Jupyter.notebook.get_cell(%d))"""


class Notebook(Chromium):
    """A Jupyter server of its own and one notebook in its page."""

    def __init__(self, path, arguments=()):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        token = secrets.token_hex(16)
        self.log = tempfile.TemporaryFile()
        self.server = subprocess.Popen(
            ["jupyter", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--port-retries=0", f"--NotebookApp.token={token}",
             f"--notebook-dir={os.path.dirname(path)}", "--NotebookApp.disable_check_xsrf=False",
             '--NotebookApp.nbserver_extensions={"sarsynth_notebook": True}', *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([EXTENSIONS, os.environ.get("PYTHONPATH", "")])},
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            self.await_server(f"http://127.0.0.1:{port}/api?token={token}")
            super().__init__()
            self.call("Page.navigate", url=f"http://127.0.0.1:{port}/notebooks/{os.path.basename(path)}?token={token}")
            self.wait("window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel && Jupyter.notebook.kernel.is_connected() "
                      "&& document.querySelector('.kernel_idle_icon') !== null")
        except BaseException:
            self.close()
            raise

    def await_server(self, address, timeout=PATIENCE):
        end = time.time() + timeout
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                return
            except OSError:
                if time.time() > end or self.server.poll() is not None:
                    self.log.seek(0)
                    raise RuntimeError(f"Jupyter does not start: {self.log.read().decode()}")
                time.sleep(0.1)

    def run(self, index):
        self.js(f"Jupyter.notebook.select({index}); Jupyter.notebook.execute_cell(); 0")

    def done(self, index, timeout=PATIENCE, shows=""):
        """Waits for the end of a cell, and for what its output shows: reply and output come on two channels, in any order. The output's text."""
        self.wait(f"/^In\\s\\[\\d+\\]/.test(Jupyter.notebook.get_cell({index}).element.find('.input_prompt').text()) && !Jupyter.notebook.kernel_busy", timeout)
        self.wait(f"Jupyter.notebook.get_cell({index}).element.find('.output').text().includes({json.dumps(shows)})", timeout)
        return self.output(index)

    def edit(self, index):
        """Puts the cursor into a cell, as a click does, and waits until keys go there."""
        self.js(f"Jupyter.notebook.select({index}); Jupyter.notebook.edit_mode(); Jupyter.notebook.get_cell({index}).code_mirror.focus(); 0")
        self.wait(f"Jupyter.notebook.get_cell({index}).code_mirror.hasFocus() && Jupyter.notebook.mode === 'edit'")

    def write(self, index, words):
        """Types at the cursor; the editor takes what was typed when it next looks, and a key before that would be for the words before."""
        self.type(words)
        self.wait(f"Jupyter.notebook.get_cell({index}).get_text().includes({json.dumps(words)})")

    def tab(self, index, expression, modifiers=0):
        """Presses Tab until what it is pressed for is so, and again where nothing came of it; the expression's value."""
        end = time.time() + PATIENCE
        while True:
            self.key("Tab", 9, modifiers=modifiers)
            with contextlib.suppress(TimeoutError):
                return self.wait(expression, 15)
            if time.time() > end:
                raise TimeoutError(f"Tab does not lead to {expression}; {self.js(STATE % index)}")
            self.edit(index)

    def output(self, index):
        return self.js(f"Jupyter.notebook.get_cell({index}).element.find('.output').text()")

    def menu(self, action):
        """Does what a menu entry or button of the page is bound to."""
        self.js(f"Jupyter.actions.call('jupyter-notebook:{action}'); 0")

    def close(self):
        if hasattr(self, "process"):
            super().close()
        end_group(self.server, signal.SIGTERM)  # The server ends its kernels.
        self.log.close()


def end_group(process, first=signal.SIGTERM):
    """Ends a process that leads a group, and the group with it."""
    for kind in (first, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, kind)
        try:
            process.wait(timeout=8)
            return
        except subprocess.TimeoutExpired:
            pass
