"""What cells can say: the language, output, errors, magic commands, references."""
import glob
import os
import platform
import shutil
import subprocess
import tempfile
import textwrap
import time
import unittest
import xml.etree.ElementTree
import zipfile

from jupyter_client.kernelspec import KernelSpecManager
from kernel_client import NAME, TIMEOUT, KernelCase, begun, collect, execute, reply_to, start_new_kernel


class Language(KernelCase):
    def test_state_and_redefinition(self):
        self.ok("var a = 1; int F(int x) => x + a;")
        self.assertEqual(self.ok("F(2)").value, "3")
        self.ok('var a = "text"; record P(int X);')
        self.assertEqual(self.ok("a + new P(5).X").value, "text5")

    def test_top_level_await(self):
        self.assertEqual(self.ok("await Task.Delay(20); var z = await Task.FromResult(7); z").value, "7")

    def test_default_imports(self):
        for code in ("Math.PI", "new StringBuilder()", "new ArrayList()", "new List<int>()", "Task.CompletedTask", "Enumerable.Empty<int>()",
                     "File.Exists(\"x\")", "Kernel.HTML(\"x\")", "HTML(\"x\")", "typeof(Comm)"):
            self.ok(code)

    def test_usings_stay(self):
        self.ok("using System.Numerics;")
        self.assertEqual(self.ok("new Complex(3, 4).Magnitude").value, "5")

    def test_blocking_on_tasks_does_not_deadlock(self):
        code = "async Task<int> G() { await Task.Delay(30); await Task.Yield(); return 4; }\nG().Result + Task.Run(G).Result"
        self.assertEqual(self.ok(code).value, "8")

    def test_await_stays_on_the_thread_of_the_cells(self):
        self.ok("var before = Environment.CurrentManagedThreadId; await Task.Delay(20); var after = Environment.CurrentManagedThreadId;")
        self.assertEqual(self.ok("before == after && after == Environment.CurrentManagedThreadId").value, "True")

    def test_void_expression_shows_nothing(self):
        self.assertEqual(self.ok("Console.Write(1)").of("execute_result"), [])

    def test_load(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "part.csx"), "w") as f:
                f.write("int Twice(int x)\n{\n    if (x < 0)\n        throw new ArgumentException(\"negative\");\n    return 2 * x;\n}\n")
            path = os.path.join(folder, "part.csx")
            self.assertEqual(self.ok(f'#load "{path}"\nTwice(21)').value, "42")
            self.assertIn("part.csx, line 4", self.fails("Twice(-1)").error)

    def test_load_of_other_encodings(self):
        with tempfile.TemporaryDirectory() as folder:
            for encoding in ("cp1252", "utf-8", "utf-8-sig", "utf-16"):
                path = os.path.join(folder, encoding + ".csx")
                with open(path, "w", encoding=encoding) as f:
                    f.write('var word = "caf\u00e9 \u20ac";')
                self.assertEqual(self.ok(f'#load "{path}"\nword').value, "caf\u00e9 \u20ac", encoding)

    def test_advice_for_extension_methods(self):
        self.assertIn("Leave it out", self.fails('static class Ext { public static string Excited(this string s) => s + "!"; }\n"a".Excited()').error)
        self.assertEqual(self.ok('static string Excited(this string s) => s + "!";\n"a".Excited()').value, "a!")
        error = self.fails("extension(string s) { public int Twice => s.Length * 2; }").error
        self.assertIn("CS9283", error)
        self.assertNotIn("CS1569", error)

    def test_failed_cell_leaves_former_values(self):
        self.ok("var kept = 11;")
        self.fails("var before = kept; throw new Exception(); var kept = 0;")
        self.fails("var kept = int.Parse(\"no\");")
        self.assertEqual(self.ok("kept").value, "11")

    def test_using_declarations_live_as_long_as_their_name(self):
        self.ok('class Door : IDisposable { public string N; public Door(string n) { N = n; Console.Write($"open {n};"); } '
                'public void Dispose() => Console.Write($"close {N};"); }')
        self.assertEqual(self.ok('using var door = new Door("a");\ndoor.N').value, "a")
        self.assertEqual(self.ok("door.N").value, "a")  # Still open in later cells.
        self.assertEqual(self.ok('using Door door = new Door("b"), second = new("c");').text(), "close a;open b;open c;")
        self.assertEqual(self.ok("var door = 1;").text(), "close b;")
        self.assertEqual(self.ok('await using var async = new MemoryStream();\nasync.CanRead').value, "True")
        self.ok("var held = async; var async = 0;")
        error = self.fails("var ok = 1;\nusing var wrong = 5;").error
        self.assertIn("CS1674", error)
        self.assertIn("using var wrong = 5;", error)
        self.assertEqual(reply_to(self.client, self.client.is_complete("using var x = new MemoryStream();"))["content"]["status"], "complete")
        code = "using var buffer = new MemoryStream();\nbuffer.Capa"
        self.assertIn("Capacity", reply_to(self.client, self.client.complete(code, len(code)))["content"]["matches"])

    def test_using_declarations_are_disposed_at_the_end(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "closed")
            manager, client = start_new_kernel(kernel_name=NAME, startup_timeout=TIMEOUT)
            execute(client, f'class File2 : IDisposable {{ public void Dispose() => System.IO.File.WriteAllText("{path}", "yes"); }}\nusing var f = new File2();')
            self.assertFalse(os.path.exists(path))
            client.shutdown()
            manager.provisioner.process.wait(timeout=TIMEOUT)
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            self.assertTrue(os.path.exists(path))

    def test_values_declared_anew_are_freed(self):
        self.ok("List<WeakReference> old = new();")
        for _ in range(4):
            self.ok("var large = new byte[1000]; old.Add(new WeakReference(large));")
            self.ok("var other = large.Length;")
        self.ok("1")  # The last cell's own state is one that is held.
        self.ok("GC.Collect();")
        self.assertEqual(self.ok('string.Concat(old.Select(w => w.IsAlive ? 1 : 0))').value, "0001")

    def test_values_that_functions_hold_are_not_freed(self):
        self.ok("var held = new byte[7];")
        self.ok("int Length() => held.Length; Func<int> lambda = () => held.Length + 1;")
        self.ok("var held = new byte[9];")
        self.ok("GC.Collect();")
        self.assertEqual(self.ok("Length() * 100 + lambda() * 10 + held.Length").value, "789")

    def test_cells_that_leave_nothing_are_unloaded(self):
        self.ok("List<Func<int>> kept = new(); int seven = 7;")
        self.ok("kept.Add(() => System.Xml.Linq.XElement.Parse(\"<a>text</a>\").Value.Length + seven);")  # This one must work on.
        count = ("for (int i = 0; i < 5; i++) { GC.Collect(); GC.WaitForPendingFinalizers(); }\n"
                 "System.Runtime.Loader.AssemblyLoadContext.All.Count()")
        before = int(self.ok(count).value)
        for i in range(20):
            self.ok(f"{i} + seven")
            self.fails(f"throw new Exception(\"{i}\");")
        self.assertLess(int(self.ok(count).value) - before, 5)
        self.assertEqual(self.ok("kept[0]()").value, "11")

    def test_anonymous_types_are_the_same_in_all_cells(self):
        self.ok("object first = new { A = 1 };")
        self.ok("new { A = 1, B = 2 }")
        self.assertEqual(self.ok("first.Equals(new { A = 1 })").value, "True")

    def test_compile_error_marks_line_and_column(self):
        error = self.fails("var q = 1;\nfor (;;) { undefined(q); }").error
        self.assertIn("CS0103", error)
        self.assertIn("line 2", error)
        plain = [l for l in error.replace("\x1b[31m", "").replace("\x1b[0m", "").replace("\x1b[90m", "").split("\n")]
        self.assertEqual(plain[2].index("^"), plain[1].index("undefined"))

    def test_exception_marks_line_without_kernel_frames(self):
        error = self.fails("int Inner(int d)\n{\n    return 1 / d;\n}\nvar r =\n    Inner(0);").error
        self.assertIn("DivideByZeroException", error)
        self.assertRegex(error, r"---->\s+3.*return 1 / d;")
        self.assertIn("line 6", error)
        for kernel in ("SarSynth.Kernel", "CellRunner", "MoveNext", "ControlledExecution"):
            self.assertNotIn(kernel, error)

    def test_inner_and_aggregate_exceptions(self):
        error = self.fails('throw new InvalidOperationException("outer", new ArgumentException("inner"));').error
        self.assertIn("outer", error)
        self.assertIn("inner", error)

    def test_unhandled_exception_of_a_thread_does_not_end_the_kernel(self):
        self.ok("var t = new System.Threading.Thread(() => throw new Exception(\"lost\")); t.Start(); t.Join();")
        self.assertEqual(self.ok("1+1").value, "2")


class Output(KernelCase):
    def test_streams_while_running(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "seen")
            msg_id = self.client.execute(f'Console.Write("first"); while (!File.Exists("{path}")) await Task.Delay(20); Console.Write("second");')
            begun(self.client, msg_id, "first")
            open(path, "w").close()  # Only now may the cell go on.
            rest = collect(self.client, msg_id)
            self.assertEqual("".join(m["content"]["text"] for m in rest if m["msg_type"] == "stream"), "second")
            reply_to(self.client, msg_id)

    def test_order_of_streams_and_displays(self):
        result = self.ok('Console.Write("a"); Console.Error.Write("b"); display("c"); Console.Write("d");')
        self.assertEqual([m["content"].get("text") or m["content"]["data"]["text/plain"] for m in result.messages], list("abcd"))

    def test_ten_thousand_lines(self):
        result = self.ok("for (int i = 0; i < 10000; i++) Console.WriteLine(i);")
        self.assertEqual(result.text(), "".join(f"{i}\n" for i in range(10000)))
        self.assertLess(result.seconds, 30)  # A message for each line would take minutes.

    def test_native_output(self):
        code = textwrap.dedent("""
            using System.Runtime.InteropServices;
            [DllImport("libc")] static extern int puts(string s);
            [DllImport("libc")] static extern nint write(int fd, byte[] data, nint count);
            puts("from C");
            write(2, System.Text.Encoding.UTF8.GetBytes("\u00e4rror"), 6);
            System.Diagnostics.Process.Start("echo", "from a child").WaitForExit();
            """)
        result = self.ok(code)
        self.assertIn("from C\n", result.text())
        self.assertIn("from a child\n", result.text())
        self.assertEqual(result.text("stderr"), "\u00e4rror")

    def test_task_prints_under_its_own_cell(self):
        result = self.ok('_ = Task.Run(async () => { await Task.Delay(400); Console.Write("late"); });')
        own = self.client.session.msg_id  # Any message of another cell has another parent.
        other = self.ok("await Task.Delay(900);")
        self.assertNotIn("late", other.text())

    def test_display_update_and_clear(self):
        result = self.ok('var d = display("one"); d.Update("two"); clear_output(true);')
        shown, updated = result.of("display_data")[0], result.of("update_display_data")[0]
        self.assertEqual(shown["transient"]["display_id"], updated["transient"]["display_id"])
        self.assertEqual(updated["data"], {"text/plain": "two"})
        self.assertEqual(result.of("clear_output"), [{"wait": True}])

    def test_large_payload(self):
        result = self.ok('display(HTML(new string(\'x\', 20_000_000)));', timeout=TIMEOUT)
        self.assertEqual(len(result.of("display_data")[0]["data"]["text/html"]), 20_000_000)

    def test_tables_and_trees(self):
        html = self.ok('new[] { new { Name = "a<b", N = 1 }, new { Name = "c", N = 2 } }').of("execute_result")[0]["data"]["text/html"]
        self.assertIn("a&lt;b", html)
        self.assertEqual(html.count("<tr>"), 3)
        html = self.ok("class Node { public int V { get; set; } = 3; public Node Next { get; set; } }\nvar n = new Node(); n.Next = n; n").of("execute_result")[0]["data"]["text/html"]
        self.assertIn("dni-treeview", html)  # The package's own look, which ends by its depth.
        endless = self.ok("IEnumerable<int> All() { for (int i = 0; ; i++) yield return i; }\nAll()").of("execute_result")[0]["data"]
        self.assertIn("(more)", endless["text/html"])
        self.assertIn("InvalidOperationException: bad", self.ok("class Bad { public int X => throw new InvalidOperationException(\"bad\"); }\nnew Bad()").value)

    def test_the_packages_own_way_to_show_things(self):
        shown = self.ok('"<b>b</b>".DisplayAs("text/html"); var handle = 5.Display(); handle.Update(6);')
        self.assertEqual(shown.of("display_data")[0]["data"], {"text/html": "<b>b</b>"})
        self.assertEqual(shown.of("display_data")[1]["transient"], shown.of("update_display_data")[0]["transient"])
        view = self.ok('using static Microsoft.DotNet.Interactive.Formatting.PocketViewTags;\ndiv[style: "color:red"](b("a < b"))')
        self.assertEqual(view.of("execute_result")[0]["data"]["text/html"], '<div style="color:red"><b>a &lt; b</b></div>')

    def test_cells_that_name_interactive_itself(self):
        result = self.ok('KernelInvocationContext.Current.DisplayAs("text", "text/plain"); Kernel.Javascript("alert(1)"); Kernel.display(7, "text/plain");'
                         'Console.Write("printed"); Kernel.Current.Name')
        self.assertEqual(result.value, "csharp")
        self.assertEqual(result.text(), "printed")
        data = [d["data"] for d in result.of("display_data")]
        self.assertEqual(data, [{"text/plain": "text"}, {"text/html": '<script type="text/javascript">alert(1)</script>'}, {"text/plain": "7"}])
        self.assertEqual(self.ok('"once".DisplayAs("text/plain");').text(), "")  # Not printed besides.

    def test_formatter_register(self):
        self.ok('using Microsoft.DotNet.Interactive.Formatting;\nclass Shape { }\nFormatter.Register<Shape>(s => "<i>shape</i>", "text/html");')
        self.assertEqual(self.ok("new Shape()").of("execute_result")[0]["data"]["text/html"], "<i>shape</i>")

    def test_json_display(self):
        data = self.ok('System.Text.Json.Nodes.JsonNode.Parse("{\\"a\\": [1, 2]}")').of("execute_result")[0]["data"]
        self.assertEqual(data["application/json"], {"a": [1, 2]})


class Magic(KernelCase):
    def test_time_who_whos(self):
        self.ok("var apples = 3;")
        self.assertRegex(self.ok("#!time\n1+1").text(), r"Wall time: [\d.]+ m?s")
        self.assertIn("apples", self.ok("#!who").text())
        self.assertIn("apples\tint\t3", self.ok("#!whos").of("display_data")[0]["data"]["text/plain"])

    def test_import_is_a_cell_before_the_cell(self):
        with tempfile.TemporaryDirectory() as folder:
            kit = os.path.join(folder, "kit.csx")
            with open(kit, "w") as f:
                f.write("using System.Numerics;\nusing static System.Math;\nint Twice(int x) => 2 * x;\nvar kit = 20;\n")
            self.assertEqual(self.ok(f'#!import "{kit}"\nTwice(kit) + 2').value, "42")
            self.assertEqual(self.ok("Sqrt(Vector2.One.X)").value, "1")
            with open(kit, "w") as f:
                f.write("var a = 1;\nint b = nothing;\n")
            self.assertIn("in kit.csx line 2", self.fails(f'#!import "{kit}"').error)
            with open(kit, "w") as f:
                f.write(f'#!import "{kit}"\n')
            self.assertIn("imports itself", self.fails(f'#!import "{kit}"').error)
            self.assertIn("no such file", self.fails(f'#!import "{folder}/nothing.csx"').error)
            self.assertIn("found extension '.txt'", self.fails(f'#!import "{folder}/kit.txt"').error)
        self.assertEqual(self.ok("Twice(3)").value, "6")

    def test_unknown_magic_is_named(self):
        self.assertIn("#!fsharp", self.fails("1+1\n#!fsharp\nlet x = 1").error)

    def test_markup(self):
        for language, mime in (("html", "text/html"), ("markdown", "text/markdown"), ("javascript", "application/javascript")):
            self.assertEqual(self.ok(f"#!{language}\nsome *text*").of("display_data")[0]["data"][mime], "some *text*")

    def test_bash(self):
        result = self.ok("#!bash\necho out\necho err >&2")
        self.assertEqual(result.text(), "out\n")
        self.assertIn("exit code 3", self.fails("#!bash\nexit 3").error)

    def test_python_keeps_its_state(self):
        self.ok("#!python\nx = 20\nprint('printed')")
        self.assertEqual(self.ok("#!python\nx + 1").of("display_data")[0]["data"]["text/plain"], "21")
        self.assertIn("ZeroDivisionError", self.fails("#!python\n1/0").error)

    def test_values_between_languages(self):
        self.ok('var numbers = new[] { 1.5, double.NaN, 3 }; var point = new { Name = "x", N = 3 }; var grid = new float[,] { { 1, 2 }, { 3, 4 } };')
        python = self.ok("#!python\n#!share --from csharp numbers\n#!share --from csharp point --as p\n#!set --name grid --value @csharp:grid\n"
                         "print(numbers, p, grid)\nimport math\nback = [1, 2.5, math.inf]; words = ('a', 'b'); n = 7; table = {'k': [1, 2]}; z = 1j")
        self.assertEqual(python.text(), "[1.5, nan, 3] {'Name': 'x', 'N': 3} [[1, 2], [3, 4]]\n")
        shared = self.ok("#!share --from python back\n#!share --from python words\n#!set --name m --value @python:n\n#!share --from python table\n"
                         '$"{back.Sum()} {words[1]} {m + 1} {table.GetProperty("k")[1]} {back.GetType().Name}"')
        self.assertEqual(shared.value, "Infinity b 8 2 Double[]")
        self.ok("#!set --name literal --value [1,2,3]")
        self.assertEqual(self.ok("literal.Sum() + m").value, "13")
        self.assertEqual(self.ok("#!bash\n#!set --name greeting --value hello\necho $greeting; export ANSWER=42").text(), "hello\n")
        self.assertEqual(self.ok("#!share --from bash ANSWER\nANSWER + literal[0]").value, "421")
        self.ok("#!value --name csv\na,b\n1,2")
        self.assertEqual(self.ok("#!share --from value csv --as text\ntext.Length").value, "7")
        for cell, named in (("#!share --from python nothing", "nothing"), ("#!share --from csharp nothing", "csharp has no variable 'nothing'"),
                            ("#!share --from nowhere x", "nowhere"), ("#!set --name x --value", "--value"), ("#!share --from python z", "complex"),
                            ("#!set --nam x --value 3", "--nam"), ("#!share --from bash NOTHING", "export")):
            self.assertIn(named, self.fails(cell).error)

    @unittest.skipUnless(shutil.which("pwsh"), "PowerShell (pwsh) is not installed")
    def test_powershell(self):
        self.ok("var count = 3;")
        self.assertEqual(self.ok("#!pwsh\n#!share --from csharp count\n$twice = 2 * $count; \"twice is $twice\"").text(), "twice is 6\n")
        self.assertEqual(self.ok("#!share --from pwsh twice\ntwice + 1").value, "7")
        result = self.fails("#!pwsh\n'before'\nthrow 'bad'")
        self.assertEqual(result.text(), "before\n")
        self.assertIn("bad", result.error)

    @unittest.skipUnless((shutil.which("chromium") or shutil.which("chromium-headless-shell")) and os.path.exists(os.environ.get("SARSYNTH_MERMAID", "")), "Chromium or mermaid.js is not installed")
    def test_mermaid(self):
        data = self.ok("#!mermaid\ngraph TD; A[satellite & more]-->B{VAE}; B-->|latents| C").of("display_data")[0]["data"]
        svg = xml.etree.ElementTree.fromstring(data["image/svg+xml"])
        self.assertEqual(svg.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("latents", "".join(svg.itertext()))
        self.assertNotIn("foreignObject", data["image/svg+xml"])
        self.assertIn("line 1", self.fails("#!mermaid\ngraph TDDD A->").error)

    def test_passwords_do_not_show(self):
        msg_id = self.client.execute("#!set --name secret --value @password:word\nsecret")
        self.assertEqual(self.client.get_stdin_msg(timeout=TIMEOUT)["content"], {"prompt": "word", "password": True})
        self.client.input("geheim")
        messages = collect(self.client, msg_id)
        reply_to(self.client, msg_id)
        self.assertNotIn("geheim", str(messages))
        self.assertEqual(self.ok("secret.GetClearTextPassword().Length").value, "6")

    def test_mixed_cell_keeps_line_numbers(self):
        error = self.fails("#!html\n<b>x</b>\n#!csharp\nvar a = 1;\nthrow new Exception();").error
        self.assertIn("line 5", error)


def compile_library(folder, name, source, references=()):
    """A library and its documentation, by the SDK's compiler alone, which is quicker than a project; its path."""
    dotnet = os.path.dirname(os.path.realpath(shutil.which("dotnet")))
    framework = sorted(glob.glob(os.path.join(dotnet, "packs/Microsoft.NETCore.App.Ref/10.*/ref/net10.0")))[-1]
    compiler = sorted(glob.glob(os.path.join(dotnet, "sdk/10.*/Roslyn/bincore/csc.dll")))[-1]
    path, text = os.path.join(folder, name + ".dll"), os.path.join(folder, name + ".cs")
    with open(text, "w") as f:
        f.write(source)
    subprocess.run(["dotnet", compiler, "-nologo", "-noconfig", "-nostdlib", "-target:library", "-nowarn:1591", "-deterministic+", f"-out:{path}",
                    f"-doc:{path[:-4]}.xml", *(f"-r:{r}" for r in [*glob.glob(framework + "/*.dll"), *references]), text], check=True, stdout=subprocess.DEVNULL)
    return path


class References(KernelCase):
    LIBRARY = """
        using System; using System.Collections.Generic; using System.IO;
        namespace Elsewhere { class TypeFormatterSourceAttribute : Attribute {
            public TypeFormatterSourceAttribute(Type source) => FormatterSourceType = source;
            public Type FormatterSourceType { get; } public string[] PreferredMimeTypes { get; set; } } }
        namespace Lib {
            /// <summary>A plot of nothing.</summary>
            [Elsewhere.TypeFormatterSource(typeof(Source), PreferredMimeTypes = new[] { "text/html", "image/png" })]
            public class Plot { public static int Version => VERSION; }
            class Source { public IEnumerable<object> CreateTypeFormatters() { yield return new F { MimeType = "text/html" }; yield return new F { MimeType = "image/png" }; } }
            class F { public string MimeType { get; set; } public bool Format(object o, TextWriter w) { w.Write(MimeType == "text/html" ? "<b>plot</b>" : "iVBORw0KGgo="); return true; } }
        }"""

    def build(self, folder, version):
        return compile_library(folder, "Lib", self.LIBRARY.replace("VERSION", str(version)))

    def test_assembly_formatters_documentation_and_rebuild(self):
        with tempfile.TemporaryDirectory() as folder:
            path = self.build(folder, 1)
            self.ok(f'#r "{path}"')
            self.assertEqual(self.ok("new Lib.Plot()").of("execute_result")[0]["data"],
                             {"text/html": "<b>plot</b>", "image/png": "iVBORw0KGgo=", "text/plain": "Lib.Plot"})
            self.assertEqual(self.ok("Lib.Plot.Version").value, "1")
            answer = reply_to(self.client, self.client.inspect("Lib.Plot", 7))["content"]
            self.assertIn("A plot of nothing.", answer["data"]["text/plain"])
            self.ok(f'#r "{path}"')
            self.build(folder, 2)
            self.assertIn("restart the kernel", self.fails(f'#r "{path}"').error)
            self.assertEqual(self.ok("Lib.Plot.Version").value, "1")

    def test_assembly_in_a_file_of_another_name(self):
        with tempfile.TemporaryDirectory() as folder:
            renamed = os.path.join(folder, "Renamed.dll")
            os.rename(compile_library(folder, "Original", "public static class Original { public static int Value => 24; }"), renamed)
            self.assertEqual(self.ok(f'#r "{renamed}"\nOriginal.Value').value, "24")

    def test_module_initialisers_run_when_an_assembly_is_referenced(self):
        with tempfile.TemporaryDirectory() as folder:
            path = compile_library(folder, "Eager", """public static class Eager { [System.Runtime.CompilerServices.ModuleInitializer]
                public static void Begin() => System.AppContext.SetData("eager", 42); }""")
            self.ok(f'#r "{path}"')
            self.assertEqual(self.ok('AppContext.GetData("eager")').value, "42")
            broken = compile_library(folder, "Broken", """public static class Broken { [System.Runtime.CompilerServices.ModuleInitializer]
                public static void Begin() => throw new System.Exception("not today"); public static int Value => 1; }""")
            self.ok(f'#r "{broken}"')
            self.assertIn("not today", self.fails("Broken.Value").error)

    def test_references_of_loaded_files(self):
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "bin"))
            below = compile_library(os.path.join(folder, "bin"), "Below", "public class Below { public int Value => 24; }")
            compile_library(os.path.join(folder, "bin"), "Above", "public class Above { public static Below Make() => new(); }", [below])
            with open(os.path.join(folder, "bin", "Above.deps.json"), "w") as f:
                f.write('{"targets": {"net10.0": {"Below/1.0.0": {"runtime": {"Below.dll": {}}}}}, "libraries": {"Below/1.0.0": {"type": "project"}}}')
            for name, text in (("inner", '#r "bin/Above.dll"\nvar inner = 1;\n'), ("kit", '#load "inner.csx"\n')):
                with open(os.path.join(folder, name + ".csx"), "w") as f:
                    f.write(text)
            self.assertEqual(self.ok(f'#load "{folder}/kit.csx"\nBelow below = Above.Make(); below.Value + inner').value, "25")

    def test_missing_assembly(self):
        self.assertIn("nowhere.dll", self.fails('#r "nowhere.dll"').error)

    def test_not_an_assembly(self):
        with tempfile.NamedTemporaryFile(suffix=".dll") as f:
            f.write(b"not an assembly")
            f.flush()
            self.assertIn(os.path.basename(f.name), self.fails(f'#r "{f.name}"').error)

    def test_package_offline_is_rolled_back(self):
        cell = '#i "nuget: http://127.0.0.1:9/index.json"\n#r "nuget: Some.Package.Nobody.Has, 1.0.0"'
        error = self.fails(cell, timeout=120).error
        self.assertIn("nothing was changed", error)
        self.assertEqual(self.ok("1+1").value, "2")


class Packages(unittest.TestCase):
    """"#r nuget" with packages made here, in a home of its own: nothing of this machine's package caches is used or changed."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.home, cls.feed, other = (os.path.join(cls.folder.name, n) for n in ("home", "feed", "other"))
        for path in (os.path.join(cls.home, ".nuget/NuGet"), cls.feed, other):
            os.makedirs(path)
        with open(os.path.join(cls.home, ".nuget/NuGet/NuGet.Config"), "w") as f:
            f.write(f'<configuration><packageSources><clear/><add key="feed" value="{cls.feed}"/></packageSources></configuration>')
        native = compile_library(other, "Test.Native", """using System.Runtime.InteropServices;
            public static class Native { [DllImport("testnative")] static extern void zmq_version(out int a, out int b, out int c);
            public static string Version() { zmq_version(out var a, out var b, out var c); return $"{a}.{b}.{c}"; } }""")
        runtime = "linux-" + {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
        cls.pack("Test.Native", "1.0.0", {"lib/net8.0/Test.Native.dll": native,
                 f"runtimes/{runtime}/native/libtestnative.so": next(p for p in glob.glob("/usr/lib/*/libzmq.so.5"))})
        for version in (1, 2):
            library = compile_library(other, f"Test.Managed", f"""/// <summary>Of a package.</summary>
                public static class Managed {{ public static string Text => "{version} over " + Native.Version(); }}""", [native])
            cls.pack("Test.Managed", f"{version}.0.0", {"lib/net8.0/Test.Managed.dll": library, "lib/net8.0/Test.Managed.xml": library[:-4] + ".xml"},
                     '<dependency id="Test.Native" version="1.0.0" />')
        cls.pack_extension(other)
        cls.manager, cls.client = start_new_kernel(kernel_name=NAME, env={**os.environ, "HOME": cls.home, "DOTNET_CLI_HOME": cls.home,
                                                   "NUGET_PACKAGES": os.path.join(cls.home, "packages")})

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)
        cls.folder.cleanup()

    @classmethod
    def pack(cls, name, version, files, dependency=""):
        with zipfile.ZipFile(os.path.join(cls.feed, f"{name}.{version}.nupkg"), "w") as package:
            package.writestr(f"{name}.nuspec", f"""<package><metadata><id>{name}</id><version>{version}</version><authors>test</authors>
                <description>test</description><dependencies><group targetFramework="net8.0">{dependency}</group></dependencies></metadata></package>""")
            for inside, outside in files.items():
                package.write(outside, inside)

    # As Plotly.NET.Interactive is made: the package names what it builds on, and lays its extension where .NET Interactive looks.
    @classmethod
    def pack_extension(cls, folder):
        kernel = next(os.path.dirname(a) for a in KernelSpecManager().get_kernel_spec(NAME).argv if a.endswith("sarsynth-kernel.dll"))
        references = [os.path.join(kernel, f"{n}.dll") for n in ("Microsoft.DotNet.Interactive", "Microsoft.DotNet.Interactive.Formatting")]
        extension = compile_library(folder, "Test.Extension", """using System.Threading.Tasks;
            using Microsoft.DotNet.Interactive; using Microsoft.DotNet.Interactive.Formatting;
            public class Gadget { }
            public class GadgetExtension : IKernelExtension { public async Task OnLoadAsync(Kernel kernel) {
                Formatter.Register<Gadget>(g => "<u>gadget</u>", "text/html");
                KernelInvocationContext.Current.DisplayAs("gadgets are here", "text/markdown");
                await kernel.SubmitCodeAsync("var gadgets = 3;"); } }""", references)
        cls.pack("Test.Extension", "1.0.0", {"lib/net8.0/Test.Extension.dll": extension, "interactive-extensions/dotnet/Test.Extension.dll": extension,
                 "lib/net8.0/Microsoft.DotNet.Interactive.dll": references[0], "lib/net8.0/Microsoft.DotNet.Interactive.Formatting.dll": references[1]})
        dib = os.path.join(folder, "extension.dib")
        with open(dib, "w") as f:
            f.write('#!meta\n\n{"kernelInfo":{"defaultKernelName":"csharp"}}\n\n#!csharp\n\nvar fromDib = 4;\n')
        cls.pack("Test.Dib", "1.0.0", {"interactive-extensions/dotnet/extension.dib": dib})

    def test_extensions_of_packages(self):
        result = execute(self.client, '#r "nuget: Test.Extension, 1.0.0"\n#r "nuget: Test.Dib, 1.0.0"', timeout=120)
        self.assertEqual(result.reply["status"], "ok", result.error)
        self.assertEqual(result.of("display_data")[0]["data"], {"text/markdown": "gadgets are here"})
        later = execute(self.client, "new Gadget()")  # Failed with CS0433 where the kernel declared such types itself.
        self.assertEqual(later.reply["status"], "ok", later.error)
        self.assertEqual(later.of("execute_result")[0]["data"]["text/html"], "<u>gadget</u>")
        self.assertEqual(execute(self.client, "gadgets + fromDib").value, "7")
        self.assertEqual(execute(self.client, 'new Gadget().Display("text/html");').of("display_data")[0]["data"], {"text/html": "<u>gadget</u>"})
        self.assertEqual(execute(self.client, "display(1);").of("display_data")[0]["data"], {"text/plain": "1"})

    def test_packages(self):
        missing = execute(self.client, '#r "nuget: Test.Absent, 1.0.0"', timeout=120)
        self.assertIn("nothing was changed", missing.error)
        self.assertIn("Test.Absent", missing.error)
        result = execute(self.client, '#r "nuget: Test.Managed, 1.0.0"\nManaged.Text', timeout=120)
        self.assertEqual(result.reply["status"], "ok", result.error)
        self.assertRegex(result.value, r"^1 over 4\.\d+\.\d+$")  # The native library of the dependency's package has answered.
        self.assertIn(f"Restoring Test.Managed 1.0.0 from {self.feed}", result.text())
        self.assertIn("Installed: Test.Managed, 1.0.0", result.text())
        answer = reply_to(self.client, self.client.inspect("Managed", 5))["content"]
        self.assertIn("Of a package.", answer["data"]["text/plain"])
        self.assertIn("restart the kernel", execute(self.client, '#r "nuget: Test.Managed, 2.0.0"', timeout=120).error)
        self.assertRegex(execute(self.client, "Managed.Text").value, "^1 over")


if __name__ == "__main__":
    unittest.main()
