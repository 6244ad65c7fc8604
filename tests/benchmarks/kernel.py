"""The C# kernel beside ipykernel, in one run: start, first cell, later cells, memory, printing, large payloads; or a soak."""
import argparse
import json
import statistics
import sys
import time
from queue import Empty

from jupyter_client.manager import start_new_kernel

CODE = {
    ".net-csharp": {"one": "1+1", "cell": "var v{i} = {i}; v{i}", "lines": "for (int i = 0; i < 10000; i++) Console.WriteLine(i);",
                    "payload": "display(HTML(new string('x', 20_000_000)));"},
    "python3": {"one": "1+1", "cell": "v{i} = {i}; v{i}", "lines": "for i in range(10000): print(i)",
                "payload": "from IPython.display import HTML, display; display(HTML('x' * 20_000_000))"},
}


class Kernel:
    def __init__(self, name):
        begun = time.time()
        self.manager, self.client = start_new_kernel(kernel_name=name)
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
            "20 MB payload, s": payload if size >= 20_000_000 else float("nan")}


def soak(minutes):
    kernel, end, row, n = Kernel(".net-csharp"), time.time() + 60 * minutes, [], 0
    kernel.run("int state = 41;")
    while time.time() < end:
        kernel.run(f"var s{n % 50} = Enumerable.Range(0, 1000).Select(i => i * {n}).ToArray(); s{n % 50}.Sum(i => (long)i)")
        kernel.run("throw new InvalidOperationException();")
        kernel.run("for (int i = 0; i < 100; i++) Console.WriteLine(i); await Task.Delay(1);")
        kernel.run(["while (true) { }", "System.Threading.Thread.Sleep(100000);", "await Task.Delay(100000);"][n % 3], interrupt_after=0.2)
        n += 1
        if n % 50 == 0:
            row.append(kernel.resident())
            print(f"{4 * n:6} cells  {row[-1]:6.0f} MB", flush=True)
    try:
        seconds, _, _ = kernel.run("if (state != 41) throw new Exception();")
    except Empty:
        sys.exit("the kernel no longer answers")
    kernel.end()
    print(f"{4 * n} cells in {minutes} minutes; resident {row[0] if row else 0:.0f} MB early, {row[-1] if row else 0:.0f} MB at the end")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="mixed cells and interrupts, memory printed as it goes")
    options = parser.parse_args()
    if options.soak:
        soak(options.soak)
        sys.exit()
    results = {name: measure(name, options.cells) for name in CODE}
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        print(f"{'':34}{'C#':>12}{'ipykernel':>12}")
        for key in results[".net-csharp"]:
            print(f"{key:34}{results['.net-csharp'][key]:12.2f}{results['python3'][key]:12.2f}")
