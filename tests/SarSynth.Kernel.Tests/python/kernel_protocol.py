"""What the kernel does as a partner: stdin, comms, interrupt, abort, restart, two clients, signatures, malformed frames."""
import contextlib
import glob
import os
import random
import signal
import statistics
import tempfile
import time
import unittest
from queue import Empty

import zmq
from jupyter_client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from kernel_client import NAME, TIMEOUT, KernelCase, begun, collect, execute, reply_to


class Requests(KernelCase):
    def test_silent_and_store_history(self):
        before = self.ok("1").reply["execution_count"]
        silent = self.ok('Console.Write("x"); 5', silent=True)
        self.assertEqual(silent.messages, [])
        self.assertEqual(silent.reply["execution_count"], before)
        self.assertEqual(self.ok("2", store_history=False).reply["execution_count"], before)
        self.assertEqual(self.ok("3").reply["execution_count"], before + 1)

    def test_history_by_glob(self):
        for cell in ("var glob1 = 1;", "var glob2 = 2;", "var globX = 3;", "// glob [x]"):
            self.ok(cell)
        def found(pattern):
            content = reply_to(self.client, self.client.history(hist_access_type="search", pattern=pattern, unique=True))["content"]
            return [entry[2] for entry in content["history"]]
        self.assertEqual(found("var glob[0-9]*"), ["var glob1 = 1;", "var glob2 = 2;"])
        self.assertEqual(found("var glob[^0-9]*"), ["var globX = 3;"])
        self.assertEqual(found("*glob? = 2;"), ["var glob2 = 2;"])
        self.assertEqual(found("*[[]x]"), ["// glob [x]"])

    def test_user_expressions(self):
        answers = self.ok("var u = 4;", user_expressions={"good": "u * 2", "bad": "nothing"}).reply["user_expressions"]
        self.assertEqual(answers["good"]["data"]["text/plain"], "8")
        self.assertEqual(answers["bad"]["status"], "error")

    def test_error_aborts_the_queue(self):
        ids = [self.client.execute(c) for c in ("await Task.Delay(300); throw new Exception();", "1", "2")]
        replies = [reply_to(self.client, i)["content"]["status"] for i in ids]
        self.assertEqual(replies, ["error", "aborted", "aborted"])
        self.assertEqual(self.ok("1+1").value, "2")

    def test_error_without_stop_goes_on(self):
        first = self.client.execute("throw new Exception();", stop_on_error=False)
        second = self.client.execute("1")
        self.assertEqual(reply_to(self.client, first)["content"]["status"], "error")
        self.assertEqual(reply_to(self.client, second)["content"]["status"], "ok")

    def test_completion(self):
        self.ok("var person = new { FirstName = \"A\" }; /// <summary>x</summary>\nint Sum(int left, int right) => left + right;")
        for code, expected in (("person.Fir", "FirstName"), ("pers", "person"), ("Sum(le", "left:"), ("new List<int>().Sel", "Select"),
                               ("System.IO.Pa", "Path"), ("retu", "return")):
            content = reply_to(self.client, self.client.complete(code, len(code)))["content"]
            self.assertIn(expected, content["matches"], code)
        content = reply_to(self.client, self.client.complete('"\U0001F600".Len', 7))["content"]
        self.assertEqual((content["matches"], content["cursor_start"], content["cursor_end"]), (["Length"], 4, 7))

    def test_inspection(self):
        content = reply_to(self.client, self.client.inspect("Math.Max(1, 2)", 6))["content"]
        self.assertIn("Math.Max(int val1, int val2)", content["data"]["text/plain"])
        self.assertIn("larger", content["data"]["text/plain"])
        self.ok("var seen = 99;")
        self.assertIn("99", reply_to(self.client, self.client.inspect("seen", 4))["content"]["data"]["text/plain"])
        self.assertFalse(reply_to(self.client, self.client.inspect("nothing_here", 4))["content"]["found"])

    def test_kernel_info(self):
        info = reply_to(self.client, self.client.kernel_info())["content"]
        self.assertEqual((info["protocol_version"], info["language_info"]["name"], info["language_info"]["file_extension"]), ("5.4", "C#", ".cs"))
        self.assertEqual((info["supported_features"], info["debugger"]), ([], False))  # Neither subshells nor a debugger.

    def test_history_keeps_long_outputs_short(self):
        self.ok("new string('h', 100_000)")
        entry = reply_to(self.client, self.client.history(n=1, hist_access_type="tail", output=True, raw=True))["content"]["history"][-1]
        self.assertEqual(entry[2][0], "new string('h', 100_000)")
        self.assertEqual(entry[2][1], "h" * 4000 + "...")

    def test_debug_is_refused(self):
        message = self.client.session.msg("debug_request", {"type": "request", "seq": 1, "command": "initialize"})
        self.client.control_channel.send(message)
        answer = self.client.get_control_msg(timeout=TIMEOUT)
        self.assertEqual((answer["msg_type"], answer["content"]["success"]), ("debug_reply", False))

    def test_kernel_info_on_control_while_busy(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "answered")
            msg_id = self.client.execute(f'Console.WriteLine("begun"); while (!File.Exists("{path}")) await Task.Delay(20);')
            begun(self.client, msg_id)
            self.client.control_channel.send(self.client.session.msg("kernel_info_request", {}))
            self.assertEqual(self.client.get_control_msg(timeout=TIMEOUT)["msg_type"], "kernel_info_reply")
            open(path, "w").close()  # Only now may the cell end.
            reply_to(self.client, msg_id)

    def test_heartbeat(self):
        end = time.time() + TIMEOUT
        while not self.client.hb_channel.is_beating() and time.time() < end:
            time.sleep(0.2)
        self.assertTrue(self.client.hb_channel.is_beating())


class Memory(KernelCase):
    def peak(self):
        with open(f"/proc/{self.manager.provisioner.process.pid}/status") as status:
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))

    def test_forgotten_native_memory_is_freed(self):
        self.ok("using System.Runtime.InteropServices; unsafe class Held { void* memory = NativeMemory.Alloc(8 << 20); "
                "public Held() => NativeMemory.Fill(memory, 8 << 20, 1); ~Held() => NativeMemory.Free(memory); }")
        before = self.peak()
        for _ in range(50):  # 4 GB in all.
            self.ok("for (int i = 0; i < 10; i++) new Held();")
        self.assertLess(self.peak(), 1000)
        self.assertGreater(self.peak() - before, 400)  # It has not collected at every cell.
        self.ok("var kept = new List<Held>(); for (int i = 0; i < 150; i++) kept.Add(new Held());")
        self.assertEqual(self.ok("kept.Count").value, "150")


class Input(KernelCase):
    def test_read_line(self):
        msg_id = self.client.execute('var line = Console.ReadLine(); var secret = await GetPasswordAsync("pw"); $"{line}{secret.GetClearTextPassword()} {secret}"')
        for prompt, password, answer in (("", False, "typed "), ("pw", True, "hidden")):
            request = self.client.get_stdin_msg(timeout=TIMEOUT)
            self.assertEqual(request["content"], {"prompt": prompt, "password": password})
            self.client.input(answer)
        messages = collect(self.client, msg_id)
        reply_to(self.client, msg_id)
        self.assertEqual([m["content"]["data"]["text/plain"] for m in messages if m["msg_type"] == "execute_result"], ["typed hidden ************"])

    def test_not_allowed(self):
        self.assertIn("does not allow input", self.fails("Console.ReadLine()", allow_stdin=False).error)

    def test_interrupt_while_asking(self):
        msg_id = self.client.execute("Console.ReadLine()")
        self.client.get_stdin_msg(timeout=TIMEOUT)
        self.manager.interrupt_kernel()
        self.assertEqual(reply_to(self.client, msg_id, 5)["content"]["ename"], "Interrupted")
        self.assertEqual(self.ok("1+1").value, "2")


class Comms(KernelCase):
    def send(self, kind, content):
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return collect(self.client, message["header"]["msg_id"])

    def test_from_the_page(self):
        self.ok('Comm.Register("echo", (comm, data) => { comm.Message += d => comm.Send(new { back = d.GetProperty("x").GetInt32() * 2 }); });')
        self.assertEqual(self.send("comm_open", {"comm_id": "c1", "target_name": "echo", "data": {}}), [])
        info = reply_to(self.client, self.client.comm_info("echo"))["content"]
        self.assertEqual(info["comms"], {"c1": {"target_name": "echo"}})
        answers = self.send("comm_msg", {"comm_id": "c1", "data": {"x": 21}})
        self.assertEqual([a["content"]["data"] for a in answers if a["msg_type"] == "comm_msg"], [{"back": 42}])
        self.send("comm_close", {"comm_id": "c1", "data": {}})
        self.assertEqual(reply_to(self.client, self.client.comm_info("echo"))["content"]["comms"], {})

    def test_unknown_target_is_closed(self):
        answers = self.send("comm_open", {"comm_id": "c2", "target_name": "nobody", "data": {}})
        self.assertEqual([a["msg_type"] for a in answers], ["comm_close"])

    def test_widgets(self):
        opened = self.ok('var bar = new ProgressBar(max: 10); var slider = new Slider(0, 1, 0.5); double chosen = 0; slider.ValueChanged += v => chosen = v; slider')
        states = {c["data"]["state"]["_model_name"]: c["comm_id"] for c in opened.of("comm_open") if c["target_name"] == "jupyter.widget"}
        view = opened.of("execute_result")[0]["data"]["application/vnd.jupyter.widget-view+json"]
        self.assertEqual(view["model_id"], states["FloatSliderModel"])
        moved = self.ok("bar.Value = 7;").of("comm_msg")[0]
        self.assertEqual((moved["comm_id"], moved["data"]["state"]), (states["FloatProgressModel"], {"value": 7}))
        self.send("comm_msg", {"comm_id": states["FloatSliderModel"], "data": {"method": "update", "state": {"value": 0.25}, "buffer_paths": []}})
        self.assertEqual(self.ok("chosen").value, "0.25")

    def test_widgets_of_pages_without_their_scripts(self):
        opened = self.ok('var plainBar = new ProgressBar(max: 10); var plainSlider = new Slider(0, 1, 0.5, "a<b"); plainSlider')
        html = opened.of("execute_result")[0]["data"]["text/html"]
        bar, slider = [c for c in opened.of("comm_open") if c["target_name"] == "net.value"]
        self.assertIn(f'data-net-value="{slider["comm_id"]}"', html)
        self.assertIn("a&lt;b", html)
        self.assertTrue(slider["target_module"].startswith("data:text/javascript,define"))
        told = {c["comm_id"]: c["data"] for c in self.ok("plainBar.Value = 7;").of("comm_msg")}
        self.assertEqual(told[bar["comm_id"]], {"value": 7})
        for nonsense in ({"value": "x"}, {}, {"value": None}, {"value": 0.75}):
            self.send("comm_msg", {"comm_id": slider["comm_id"], "data": nonsense})
        self.assertEqual(self.ok("plainSlider.Value").value, "0.75")


ESTABLISHED = "01"  # As /proc/net/tcp writes it.


def unread():
    """The local TCP ports whose sockets hold bytes that nobody has read."""
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table][1:]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == ESTABLISHED and int(row[4].split(":")[1], 16) > 0}


def states(pid):
    """The state of each thread of a process, by proc(5)'s letter."""
    for path in glob.glob(f"/proc/{pid}/task/*/stat"):
        with contextlib.suppress(OSError), open(path) as stat:
            yield stat.read().rpartition(")")[2].split()[0]


class Interrupts(KernelCase):
    CASES = {
        "endless loop": "while (true) { }",
        "endless loop without a body": "for (;;);",
        "sleep": "System.Threading.Thread.Sleep(100000);",
        "await": "await Task.Delay(100000);",
        "catches everything": "while (true) { try { while (true) { } } catch { } }",
        "sleeps and catches everything": "while (true) { try { System.Threading.Thread.Sleep(5); } catch (Exception) { } }",
        "awaits and catches everything": "while (true) { try { await Task.Delay(5); } catch { } }",
        "loop in finally": "try { } finally { while (true) { } }",
        "parallel": "Parallel.For(0, int.MaxValue, i => System.Threading.Thread.SpinWait(100));",
        "parallel with endless bodies": "Parallel.For(0, 8, i => { while (true) { } });",
        "task that never ends": "Task.Run(() => { while (true) { } }).Wait();",
        "callback of library code": "Enumerable.Range(0, int.MaxValue).Where(i => i < 0).Sum()",
        "callback of library code after an await": "await Task.Delay(5); Enumerable.Repeat(0L, int.MaxValue).Where(i => { return i < 0; }).Sum()",
        "library code": "Enumerable.Repeat(0L, int.MaxValue).Concat(Enumerable.Repeat(0L, int.MaxValue)).Sum()",
        "lock": "var o = new object(); var taken = new System.Threading.ManualResetEventSlim(); new System.Threading.Thread(() => { lock (o) { taken.Set(); System.Threading.Thread.Sleep(60000); } }) { IsBackground = true }.Start(); taken.Wait(); lock (o) { }",
        "child process": 'System.Diagnostics.Process.Start("sleep", "60").WaitForExit();',
        "bash": "#!bash\nsleep 60",
        "python": "#!python\nwhile True: pass",
        "endless result": "IEnumerable<int> Never() { while (true) { if (DateTime.Now.Year < 0) yield return 1; } }\nNever()",
        "native call": '[System.Runtime.InteropServices.DllImport("libc")] static extern int pthread_mutex_lock(nint m); '
                       'var mutex = System.Runtime.InteropServices.Marshal.AllocHGlobal(64); for (int i = 0; i < 64; i++) System.Runtime.InteropServices.Marshal.WriteByte(mutex, i, 0); '
                       'pthread_mutex_lock(mutex); pthread_mutex_lock(mutex);',
    }

    def interrupted(self, code, interrupt):
        self.ok("var survivor = 123;")
        say = {"#!bash": "echo begun", "#!python": "print('begun', flush=True)"}
        first, _, rest = code.partition("\n")
        msg_id = self.client.execute(f"{first}\n{say[first]}\n{rest}" if first in say else f'Console.WriteLine("begun");\n{code}')
        begun(self.client, msg_id)
        time.sleep(0.5)  # From its first words into what it is about.
        asked = time.time()
        interrupt()
        content = reply_to(self.client, msg_id)["content"]
        self.seconds.append(time.time() - asked)
        self.assertEqual(content["status"], "error")
        self.assertEqual(content["ename"], "Interrupted")
        self.assertEqual(self.ok("survivor").value, "123")
        return content

    def setUp(self):
        self.seconds = []

    def test_by_message(self):
        for name, code in self.CASES.items():
            with self.subTest(name):
                content = self.interrupted(code, self.manager.interrupt_kernel)
                if name in ("native call", "library code"):
                    self.assertIn("goes on until that call returns", content["evalue"])
        # A busy machine makes one or the other wait, not most of them.
        self.assertLess(statistics.median(self.seconds), 2, self.seconds)

    def test_by_signal(self):
        self.interrupted("while (true) { }", lambda: self.manager.provisioner.process.send_signal(signal.SIGINT))

    def test_nothing_of_the_cell_goes_on(self):
        self.interrupted("int ticks = 0; _ = Task.Run(async () => { while (true) { ticks++; await Task.Delay(1); } }); while (true) { ticks++; }",
                         self.manager.interrupt_kernel)
        time.sleep(0.3)
        self.ok("var first = ticks; await Task.Delay(300);")
        self.assertEqual(self.ok("ticks == first").value, "True")

    def test_token(self):
        self.assertEqual(self.ok("1").value, "1")
        self.manager.interrupt_kernel()  # Nothing runs: nothing happens, and nothing is aborted later.
        self.assertEqual(self.ok("2").value, "2")

    def test_interrupt_seen_to_late_hits_what_came_before_it_and_nothing_else(self):
        process = self.manager.provisioner.process
        self.addCleanup(process.send_signal, signal.SIGCONT)
        for _ in range(5):  # The kernel stands still, so that it finds both messages at once.
            self.stop(process)
            before = self.client.execute("while (true) { }")
            self.manager.interrupt_kernel()
            self.both_arrived()
            process.send_signal(signal.SIGCONT)
            self.assertIn(reply_to(self.client, before)["content"]["status"], ("error", "aborted"))
            self.stop(process)
            self.manager.interrupt_kernel()
            after = self.client.execute("await Task.Delay(100); 1")
            self.both_arrived()
            process.send_signal(signal.SIGCONT)
            self.assertEqual(reply_to(self.client, after)["content"]["status"], "ok")

    def stop(self, process):
        """Stops the kernel, and waits until each of its threads stands still."""
        process.send_signal(signal.SIGSTOP)
        end = time.time() + TIMEOUT
        while any(state != "T" for state in states(process.pid)):
            self.assertLess(time.time(), end, "the kernel does not stop")
            time.sleep(0.01)

    def both_arrived(self):
        """Waits until a kernel that stands still has something to read on its shell and its control socket."""
        end = time.time() + TIMEOUT
        while not {self.manager.shell_port, self.manager.control_port} <= unread():
            self.assertLess(time.time(), end, f"the messages do not arrive: {unread()}, {self.manager.get_connection_info()}")
            time.sleep(0.01)

    def test_interrupt_aborts_the_queue(self):
        ids = [self.client.execute(c) for c in ('Console.WriteLine("begun"); while (true) { }', "1", "2")]
        begun(self.client, ids[0])
        time.sleep(0.5)  # The others arrive.
        self.manager.interrupt_kernel()
        self.assertEqual([reply_to(self.client, i)["content"]["status"] for i in ids], ["error", "aborted", "aborted"])


class Life(unittest.TestCase):
    def start(self):
        return start_new_kernel(kernel_name=NAME, startup_timeout=TIMEOUT)

    def test_shutdown_and_restart(self):
        manager, client = self.start()
        execute(client, "var gone = 1;")
        manager.restart_kernel()
        client.wait_for_ready(timeout=TIMEOUT)
        self.assertEqual(execute(client, "gone").reply["ename"], "CompilationError")
        process = manager.provisioner.process
        client.shutdown()
        self.assertEqual(process.wait(timeout=TIMEOUT), 0)
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    def test_shutdown_of_a_busy_kernel(self):
        manager, client = self.start()
        begun(client, client.execute('Console.WriteLine("begun"); while (true) { }'))
        process = manager.provisioner.process
        client.shutdown()
        self.assertEqual(process.wait(timeout=TIMEOUT), 0)
        client.stop_channels()
        manager.shutdown_kernel(now=True)

    def test_two_clients(self):
        manager, first = self.start()
        second = BlockingKernelClient(connection_file=manager.connection_file)
        second.load_connection_file()
        second.start_channels()
        second.wait_for_ready(timeout=TIMEOUT)
        self.assertEqual(execute(first, "var shared = 5; shared").value, "5")
        self.assertEqual(execute(second, "shared + 1").value, "6")
        slow = first.execute("await Task.Delay(500); 1")
        quick = second.execute("2")
        self.assertEqual(reply_to(second, quick)["content"]["status"], "ok")
        self.assertEqual(reply_to(first, slow)["content"]["status"], "ok")
        for client in (first, second):
            with self.assertRaises(Empty):
                client.get_shell_msg(timeout=0.2)
            client.stop_channels()
        manager.shutdown_kernel(now=True)

    def test_ports_are_only_those_of_the_connection_file(self):
        manager, client = self.start()
        info = manager.get_connection_info()
        inodes = set()
        for fd in os.listdir(f"/proc/{manager.provisioner.process.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{manager.provisioner.process.pid}/fd/{fd}")
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
        listening = set()
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in open(table).readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    address, port = fields[1].split(":")
                    listening.add((address, int(port, 16)))
        self.assertEqual(listening, {("0100007F", info[p]) for p in ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")})
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class Hostile(KernelCase):
    """Frames that no front end would send: nothing runs, and the kernel goes on."""

    def sockets(self):
        info = self.manager.get_connection_info()
        context = zmq.Context.instance()
        for port in ("shell_port", "control_port", "stdin_port"):
            socket = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.connect(f"tcp://{info['ip']}:{info[port]}")
            yield socket

    def test_wrong_signature_runs_nothing(self):
        self.ok("int touched = 0;")
        shell = next(self.sockets())
        session = self.client.session
        for change in (lambda f: f[:1] + [b"0" * 64] + f[2:], lambda f: f[:1] + [b""] + f[2:],
                       lambda f: f[:-1] + [f[-1].replace(b"touched", b"touchee")]):
            frames = session.serialize(session.msg("execute_request", {"code": "touched++", "silent": False}))
            shell.send_multipart(change(frames))
        frames = session.serialize(session.msg("execute_request", {"code": "touched += 10;", "silent": False}))
        shell.send_multipart(frames)
        shell.send_multipart(frames)  # The same signature again: a replay.
        end = time.time() + TIMEOUT
        while self.ok("touched").value == "0" and time.time() < end:  # What is allowed arrives last.
            time.sleep(0.1)
        time.sleep(1)
        self.assertEqual(self.ok("touched").value, "10")

    def test_dropped_message_is_logged(self):
        with tempfile.TemporaryFile("w+") as log:
            manager, client = start_new_kernel(kernel_name=NAME, stderr=log)
            socket = zmq.Context.instance().socket(zmq.DEALER)
            socket.linger = 0
            socket.connect(f"tcp://{manager.ip}:{manager.shell_port}")
            frames = client.session.serialize(client.session.msg("execute_request", {"code": "1", "silent": False}))
            socket.send_multipart(frames[:1] + [b"0" * 64] + frames[2:])
            socket.send_multipart(frames[:2])
            said, end = "", time.time() + TIMEOUT
            while said.count("\n") < 2 and time.time() < end:
                time.sleep(0.05)
                log.seek(0)
                said = log.read()
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        self.assertRegex(said, "(?i)shell: message dropped: wrong signature\n.*shell: message dropped: .*frames missing\n")

    def test_fuzzed_frames(self):
        count = int(os.environ.get("SARSYNTH_FUZZ_FRAMES", "10000"))
        seed = int(os.environ.get("SARSYNTH_FUZZ_SEED", "1"))
        draw = random.Random(seed)
        self.ok("int fuzzed = 0;")
        session, sockets = self.client.session, list(self.sockets())
        kinds = ["execute_request", "complete_request", "inspect_request", "history_request", "comm_open", "comm_msg", "input_reply",
                 "is_complete_request", "kernel_info_request", "nonsense", ""]
        wild = [None, -1, 2 ** 70, 1.5, "", "\U0001F600", [], {}, [[[]]], {"a": {"b": []}}, True, "x" * 5000]
        for i in range(count):
            if i % 3 == 0:  # Correctly signed, but with content of any type; code that would run has no effect but an error.
                content = {k: draw.choice(wild) for k in draw.sample(["cursor_pos", "silent", "comm_id", "data", "target_name",
                           "hist_access_type", "n", "pattern", "session", "start", "stop", "user_expressions", "allow_stdin"], 4)}
                content["stop_on_error"] = False  # Else each failing cell rightly aborts the check that follows.
                content["code"] = draw.choice([None, 3, [], "", "((((", "\0", "fuzzed++ +"])
                frames = session.serialize(session.msg(draw.choice(kinds), content))
            else:
                frames = session.serialize(session.msg("execute_request", {"code": "fuzzed++", "silent": True}))
                for _ in range(draw.randint(1, 3)):
                    at = draw.randrange(len(frames))
                    kind = draw.randrange(4)
                    if kind == 0 and frames[at]:
                        data = bytearray(frames[at])
                        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
                        frames[at] = bytes(data)
                    elif kind == 1:
                        frames[at] = draw.randbytes(draw.randrange(200))
                    elif kind == 2 and len(frames) > 1:
                        del frames[at]
                    else:
                        frames[at] = frames[at][: len(frames[at]) // 2]
            draw.choice(sockets).send_multipart(frames)
            if i % 200 == 199:
                self.assertEqual(self.ok("fuzzed", timeout=120).value, "0")
        self.assertEqual(self.ok("fuzzed", timeout=120).value, "0")
        self.assertTrue(self.manager.is_alive())


if __name__ == "__main__":
    unittest.main()
