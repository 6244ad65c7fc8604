// Runs notebooks as a newcomer would: Jupyter's nbconvert with the kernel of this checkout, without a window.
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using SarSynth.Tests.Support;

namespace SarSynth.Notebooks.Tests;

/// <summary>A folder with the kernel registered in it, and executed notebooks.</summary>
public sealed class NotebookRunner : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromMinutes(20);
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-notebooks-").FullName;
    private readonly Lazy<string> kernel;

    public NotebookRunner() => kernel = new Lazy<string>(() =>
    {
        // Found through JUPYTER_PATH, so that the user's own kernels stay as they are.
        var data = Path.Combine(folder, "jupyter");
        var (code, said) = Run("dotnet", [Library("SarSynth.Kernel", "sarsynth-kernel"), "install", "--user"],
            new() { ["JUPYTER_DATA_DIR"] = data });
        Assert.True(code == 0, $"the kernel does not install: {said}");
        return data;
    });

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>.NET Interactive's own kernel, as environment/setup.sh installs it, or null.</summary>
    public static string? Interactive { get; } = Path.Combine(TestData.Root, "artifacts", "dotnet-interactive", "share",
        "jupyter") is var data
        && File.Exists(Path.Combine(data, "kernels", "dotnet-interactive-csharp", "kernel.json")) ? data : null;

    /// <summary>
    /// Executes a notebook where it stands; what it prints and writes of its own goes below a temporary folder.
    /// </summary>
    /// <param name="notebook">The file.</param>
    /// <param name="interactive">Whether on .NET Interactive's own kernel.</param>
    /// <param name="mode">What its parameter mode is.</param>
    /// <returns>nbconvert's exit code and words, and the executed notebook (null when there is none).</returns>
    public (int Code, string Said, JsonNode? Executed) Execute(string notebook, bool interactive = false,
        string mode = "demo")
    {
        var output = Path.Combine(folder, interactive ? "executed-interactive" : "executed");
        var name = Path.GetFileName(notebook);
        var (code, said) = Run("jupyter",
            ["nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.timeout=1200",
                $"--ExecutePreprocessor.kernel_name={(interactive ? "dotnet-interactive-csharp" : ".net-csharp")}",
                "--output", name, "--output-dir", output, notebook],
            new() { ["JUPYTER_PATH"] = interactive ? Interactive! : kernel.Value,
                ["SARSYNTH_DEMO_OUTPUT"] = Path.Combine(folder, "demo"), ["SARSYNTH_MODE"] = mode });
        var executed = Path.Combine(output, name);
        return (code, said, File.Exists(executed) ? JsonNode.Parse(File.ReadAllText(executed)) : null);
    }

    /// <summary>Executes a notebook of the kit in its shortest mode, with its exercises solved.</summary>
    /// <param name="notebook">Its name.</param>
    /// <param name="interactive">Whether on .NET Interactive's own kernel.</param>
    public (int Code, string Said, JsonNode? Executed) ExecuteSolved(string notebook, bool interactive = false)
    {
        // A copy beside which all lies that notebooks look for.
        var copies = Path.Combine(folder, "solved", "notebooks");
        if (!Directory.Exists(copies))
        {
            Directory.CreateDirectory(copies);
            foreach (var entry in (string[])["artifacts", "data-manifests", "notebooks/kit.csx", "notebooks/recorded"])
                File.CreateSymbolicLink(Path.Combine(folder, "solved", entry), Path.Combine(TestData.Root, entry));
        }
        var content = JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.Root, "notebooks", notebook)))!;
        Solutions.PutIn(content);
        File.WriteAllText(Path.Combine(copies, notebook), content.ToJsonString());
        return Execute(Path.Combine(copies, notebook), interactive, "smoke");
    }

    /// <summary>Runs a Python script that finds this kernel by its name.</summary>
    /// <returns>Its exit code and words.</returns>
    public (int Code, string Said) Script(string script, params string[] arguments) =>
        Run("/usr/bin/python3", ["-W", "ignore", script, .. arguments], new()
        {
            ["JUPYTER_PATH"] = kernel.Value, ["PYTHONDONTWRITEBYTECODE"] = "1",
            ["JUPYTER_DATA_DIR"] = kernel.Value, ["JUPYTER_RUNTIME_DIR"] = Path.Combine(folder, "runtime"),
            ["JUPYTER_CONFIG_DIR"] = Path.Combine(folder, "config"),
            // The model that takes long enough to be looked at and interrupted.
            ["SARSYNTH_MODEL"] = "sarsynth-small",
        });

    /// <summary>An assembly of this checkout, built as these tests are.</summary>
    public static string Library(string project, string? name = null) => Path.GetFullPath(
        Path.Combine(AppContext.BaseDirectory, "..", "..", project,
            Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), (name ?? project) + ".dll"));

    /// <summary>The code cells of a notebook.</summary>
    public static IEnumerable<JsonNode> CodeCells(JsonNode notebook) =>
        notebook["cells"]!.AsArray().Where(c => (string?)c!["cell_type"] == "code").Select(c => c!);

    /// <summary>The outputs of a notebook's cells.</summary>
    public static IEnumerable<JsonNode> Outputs(JsonNode notebook) =>
        CodeCells(notebook).SelectMany(c => c["outputs"]!.AsArray()).Select(o => o!);

    /// <summary>Text that a notebook keeps as one string or as a list of lines.</summary>
    public static string Text(JsonNode? node) => node is JsonArray lines ? string.Concat(lines.Select(l => (string?)l))
        : (string?)node ?? "";

    private static (int Code, string Said) Run(string program, string[] arguments,
        Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = TestData.Root, RedirectStandardInput = true, RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var said = new StringBuilder();
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += Hear;
        process.ErrorDataReceived += Hear;
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)}: "
                + $"not ready after {limit.TotalMinutes} minutes.\n{said}");
        }
        process.WaitForExit();
        return (process.ExitCode, said.ToString());

        void Hear(object sender, DataReceivedEventArgs line)
        {
            lock (said)
                said.AppendLine(line.Data);
        }
    }
}
