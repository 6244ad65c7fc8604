"""The C# kernel beside ipykernel and, where it is installed, .NET Interactive's own, in one run: start, first cell, later cells,
memory, printing, large payloads, interrupts; or a soak."""
import argparse
import json
import signal
import statistics
import sys
import time
from queue import Empty

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel

# A job in the background ignores SIGINT and hands that on to its children; the kernels here are to hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

CODE = {
    ".net-csharp": {"one": "1+1", "cell": "var v{i} = {i}; v{i}", "lines": "for (int i = 0; i < 10000; i++) Console.WriteLine(i);",
                    "payload": "display(HTML(new string('x', 20_000_000)));"},
    "python3": {"one": "1+1", "cell": "v{i} = {i}; v{i}", "lines": "for i in range(10000): print(i)",
                "payload": "from IPython.display import HTML, display; display(HTML('x' * 20_000_000))"},
}


CODE["dotnet-interactive-csharp"] = CODE[".net-csharp"]
TITLES = {".net-csharp": "C#", "python3": "ipykernel", "dotnet-interactive-csharp": "Interactive"}
RUNAWAYS = {
    ".net-csharp": ["while (true) { }", "System.Threading.Thread.Sleep(100000);", "await Task.Delay(100000);",
                    "Parallel.For(0, int.MaxValue, i => System.Threading.Thread.SpinWait(100));",
                    "while (true) { try { System.Threading.Thread.Sleep(5); } catch (Exception) { } }",
                    "Enumerable.Range(0, int.MaxValue).Where(i => i < 0).Sum()"],
    "python3": ["while True: pass", "import time; time.sleep(1000)", "import asyncio; await asyncio.sleep(1000)",
                "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(2).map(lambda i: sum(range(10**5)), range(10**5)))",
                "import time\nwhile True:\n  try: time.sleep(.005)\n  except Exception: pass", "sum(i for i in range(10**12) if i < 0)"],
}
RUNAWAYS["dotnet-interactive-csharp"] = RUNAWAYS[".net-csharp"]


class Kernel:
    def __init__(self, name):
        begun = time.time()
        self.manager, self.client = start_new_kernel(kernel_name=name, startup_timeout=120)
        self.ready = time.time() - begun
        self.code = CODE[name]

    def run(self, code, interrupt_after=None, timeout=120):
        begun = time.time()
        msg_id, text, payload = self.client.execute(code), [], 0
        if interrupt_after:
            time.sleep(interrupt_after)
            self.manager.interrupt_kernel()
        while True:
            message = self.client.get_iopub_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                text.append(content["text"])
            elif message["msg_type"] == "display_data":
                payload += sum(len(str(v)) for v in content["data"].values())
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        while self.client.get_shell_msg(timeout=timeout)["parent_header"].get("msg_id") != msg_id:
            pass
        return time.time() - begun, "".join(text), payload

    def resident(self):
        with open(f"/proc/{self.manager.provisioner.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def interrupts(name):
    """How many of six cells that do not end are ended by an interrupt within 5 s, with the session's variables kept."""
    kept, kernel = 0, None
    declare, ask = ("survivor = 41", "survivor") if name == "python3" else ("var survivor = 41;", "survivor")
    for code in RUNAWAYS[name]:
        try:
            kernel = kernel or Kernel(name)
            kernel.run(declare)
            asked = kernel.client.execute(code)
            time.sleep(1)
            kernel.manager.interrupt_kernel()
            while kernel.client.get_shell_msg(timeout=5)["parent_header"].get("msg_id") != asked:
                pass
            answer = kernel.client.execute_interactive(ask, timeout=5, output_hook=lambda message: None)
            kept += answer["content"]["status"] == "ok"
        except (Empty, TimeoutError, RuntimeError):
            kernel.end()
            kernel = None
    if kernel:
        kernel.end()
    return kept


def measure(name, cells, starts=3):
    ready, first = [], []
    for i in range(starts):
        kernel = Kernel(name)
        ready.append(kernel.ready)
        first.append(kernel.run(kernel.code["one"])[0])
        if i + 1 < starts:
            kernel.end()
    kernel.end()
    kernel = Kernel(name)
    time.sleep(3)
    memory = kernel.resident()
    times = [kernel.run(kernel.code["cell"].replace("{i}", str(i)))[0] for i in range(cells)]
    after = kernel.resident()
    lines, text, _ = kernel.run(kernel.code["lines"])
    whole = text == "".join(f"{i}\n" for i in range(10000))
    payload, _, size = kernel.run(kernel.code["payload"])
    kernel.end()
    return {"start to ready, s": statistics.median(ready), "first cell, s": statistics.median(first),
            "later cells, median ms": 1000 * statistics.median(times), "resident when ready, MB": memory,
            f"resident after {cells} cells, MB": after, "10,000 lines shown, s": lines if whole else float("nan"),
            "20 MB payload, s": payload if size >= 20_000_000 else float("nan"),
            "interrupts that keep the session, of 6": interrupts(name)}


# A working session, over and over: what cells do, what front ends ask, what goes wrong. The names that a round declares are those
# of the round before: names that are new each time cost memory for good, and measure() says how much. {n} is the round's number.
SETUP = """using System.Threading; using System.Text.Json;
int state = 41; int Twice(int x) => 2 * x; record Point(int X, int Y); var log = new List<string>(); int heard = 0;
Comm.Register("soak", (comm, data) => comm.Message += d => { heard++; comm.Send(new { back = d.GetProperty("x").GetInt32() + 1 }); });
var page = display("round 0");"""
CELLS = [
    ("var data = Enumerable.Range(0, 1000).Select(i => i * {n}).ToArray();", None),
    ("data.Sum(i => (long)i)", None),
    ("for (int i = 0; i < 100; i++) Console.WriteLine($\"line {i} of {n}\"); Console.Error.WriteLine(\"a warning\");", None),
    ("display(HTML($\"<b>{n}</b> \" + new string('x', 20_000))); page.Update(\"round {n}\"); clear_output(true);", None),
    ("Enumerable.Range(0, 30).Select(i => new Point(i, Twice(i))).ToList()", None),
    ("throw new InvalidOperationException(\"round {n}\");", "InvalidOperationException"),
    ("undefined_{n} + 1", "CompilationError"),
    ("await Task.Delay(5); await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => Twice(i)))); Twice({n})", None),
    ("using (var m = new MemoryStream(new byte[100_000])) Console.WriteLine(m.Length);", None),
    ("JsonSerializer.Serialize(new[] { state, {n} })", None),
    ("data = data.OrderByDescending(i => i).ToArray(); new byte[30_000_000].Length", None),
    ("#!bash\necho {n}", None),
    ("#!python\nx = {n}\nprint(x * x)", None),
    ("#!markdown\n# Round {n}", None),
    ("#!time\nThread.SpinWait(1000);", None),
    ("#!who", None),
    ("if (state != 41 || Twice(21) != 42) throw new Exception(\"the session lost its state\");", None),
]
ENDLESS = [
    "while (true) { }", "Thread.Sleep(100000);", "await Task.Delay(100000);", "Parallel.For(0, int.MaxValue, i => Thread.SpinWait(100));",
    "while (true) { try { Thread.Sleep(5); } catch (Exception) { } }", "Enumerable.Range(0, int.MaxValue).Where(i => i < 0).Sum()",
    "#!bash\nsleep 60", "#!python\nwhile True: pass", "Console.ReadLine()",
]


class Soak:
    """Rounds of mixed cells, with idle time between them, and the kernel's memory over time."""

    WARM_UP_SHARE, LARGEST_GROWTH_SHARE = 0.25, 0.03

    def __init__(self, minutes, duty):
        self.minutes, self.duty = minutes, duty
        self.kernel = Kernel(".net-csharp")
        self.samples, self.cells, self.interrupts, self.questions, self.slowest = [], 0, 0, 0, 0.0

    def ask(self, kind, content, channel="shell"):
        message = self.kernel.client.session.msg(kind, content)
        getattr(self.kernel.client, f"{channel}_channel").send(message)
        self.questions += 1
        return message["header"]["msg_id"]

    def reply(self, msg_id, timeout=60):
        while True:
            message = self.kernel.client.get_shell_msg(timeout=timeout)
            if message["parent_header"].get("msg_id") == msg_id:
                return message["content"]

    def cell(self, code, error=None, interrupt_after=None, answer=None):
        msg_id = self.kernel.client.execute(code)
        self.cells += 1
        if answer is not None:
            self.kernel.client.get_stdin_msg(timeout=30)
            self.kernel.client.input(answer)
        if interrupt_after:
            time.sleep(interrupt_after)
            begun = time.time()
            self.kernel.manager.interrupt_kernel()
            self.interrupts += 1
        content = self.reply(msg_id)
        if interrupt_after:
            self.slowest = max(self.slowest, time.time() - begun)
        found = content.get("ename", "").split(".")[-1] or None
        if found != error:
            sys.exit(f"cell {self.cells}: expected {error or 'no error'}, found {found}: {content.get('evalue')}\n{code}")
        self.drain()

    def drain(self):
        for get in (self.kernel.client.get_iopub_msg, self.kernel.client.get_stdin_msg):
            try:
                while True:
                    get(timeout=0)
            except Empty:
                pass

    def round(self, n):
        for code, error in CELLS:
            self.cell(code.replace("{n}", str(n)), error)
        self.cell("Console.ReadLine().Length", answer="typed")
        self.cell(ENDLESS[n % len(ENDLESS)], "Interrupted", interrupt_after=0.3)
        for kind, content in (("complete_request", {"code": "data.Wh", "cursor_pos": 7}), ("inspect_request", {"code": "Twice", "cursor_pos": 5, "detail_level": 0}),
                              ("is_complete_request", {"code": "for (;;) {"}), ("history_request", {"hist_access_type": "tail", "n": 10, "output": True, "raw": True}),
                              ("kernel_info_request", {}), ("comm_info_request", {})):
            if self.reply(self.ask(kind, content))["status"] == "error":
                sys.exit(f"{kind} failed in round {n}")
        self.ask("comm_open", {"comm_id": f"c{n}", "target_name": "soak", "data": {}})
        self.ask("comm_msg", {"comm_id": f"c{n}", "data": {"x": n}})
        self.ask("comm_close", {"comm_id": f"c{n}", "data": {}})
        self.cell(f"if (heard != {n}) throw new Exception($\"{{heard}} messages of comms heard, not {n}\");")

    def run(self):
        begun, n = time.time(), 0
        self.cell(SETUP)
        print(f"{'minutes':>8} {'cells':>7} {'interrupts':>11} {'requests':>9} {'slowest interrupt, s':>21} {'resident, MB':>13}", flush=True)
        shown = 0.0
        while time.time() - begun < 60 * self.minutes:
            start = time.time()
            n += 1
            self.round(n)
            time.sleep(min(60, (time.time() - start) * (1 / self.duty - 1)))
            minute = (time.time() - begun) / 60
            self.samples.append((minute, self.kernel.resident()))
            if minute >= shown:
                print(f"{minute:8.1f} {self.cells:7} {self.interrupts:11} {self.questions:9} {self.slowest:21.2f} {self.samples[-1][1]:13.1f}", flush=True)
                shown += max(self.minutes / 60, 0.25)
        self.kernel.end()
        return self.judge()

    def judge(self):
        """Memory is flat where what a line through the samples says of growth, after the warm-up, is within its error or a few percent."""
        late = [(t, m) for t, m in self.samples if t >= self.WARM_UP_SHARE * self.minutes]
        slope, error = line(late)
        span, level = late[-1][0] - late[0][0], statistics.mean(m for _, m in late)
        growth, doubt = slope * span, 2 * error * span
        print(f"\n{self.cells} cells, {self.interrupts} interrupts (the slowest {self.slowest:.2f} s), {self.questions} other requests in {self.minutes:g} minutes")
        print(f"resident {level:.1f} MB on average after the first {100 * self.WARM_UP_SHARE:.0f} %; slope {60 * slope:+.2f} +- {2 * 60 * error:.2f} MB/hour (95 %), "
              f"{growth:+.1f} MB over {span:.0f} minutes")
        if self.slowest > 2:
            sys.exit("FAILED: an interrupt took more than 2 s")
        if growth - doubt > self.LARGEST_GROWTH_SHARE * level:
            sys.exit(f"FAILED: memory grows by more than {100 * self.LARGEST_GROWTH_SHARE:.0f} %")
        print("memory is flat")


def line(points):
    """Slope of the least-squares line and its standard error; samples that follow each other are alike, so their number is corrected."""
    n = len(points)
    mean_t, mean_m = (statistics.mean(c) for c in zip(*points))
    stt = sum((t - mean_t) ** 2 for t, _ in points)
    slope = sum((t - mean_t) * (m - mean_m) for t, m in points) / stt
    rest = [m - mean_m - slope * (t - mean_t) for t, m in points]
    square = sum(r * r for r in rest)
    alike = max(0.0, min(0.99, sum(a * b for a, b in zip(rest, rest[1:])) / square)) if square else 0.0
    effective = max(3.0, n * (1 - alike) / (1 + alike))
    return slope, (square / (n - 2) / stt * n / effective) ** 0.5


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="mixed cells, questions and interrupts; fails where memory grows")
    parser.add_argument("--duty", type=float, default=1.0, metavar="SHARE", help="of the time that a soak works, the rest it is idle (1)")
    options = parser.parse_args()
    if options.soak:
        sys.exit(Soak(options.soak, options.duty).run())
    results = {name: measure(name, options.cells) for name in CODE if name in KernelSpecManager().find_kernel_specs()}
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        print(f"{'':40}" + "".join(f"{TITLES[name]:>12}" for name in results))
        for key in results[".net-csharp"]:
            print(f"{key:40}" + "".join(f"{result[key]:12.2f}" for result in results.values()))
