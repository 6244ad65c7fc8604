// What tests with Jupyter have in common: a Jupyter set-up of their own, and the suites in python/,
// each in a process of its own.
using System.Diagnostics;
using SarSynth.Tests.Support;

namespace SarSynth.Kernel.Tests;

/// <summary>A fact that needs Jupyter's Python packages; reported skipped, by name, where they are absent.</summary>
public sealed class JupyterFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Missing = new(Find);

    public JupyterFactAttribute() => Skip = Missing.Value;

    private static string? Find()
    {
        if (!File.Exists("/usr/bin/python3"))
            return "there is no /usr/bin/python3 on this machine";
        using var process =
            Process.Start(new ProcessStartInfo("/usr/bin/python3",
            ["-c", "import jupyter_client, jupyter_kernel_test, nbconvert"])
        {
            RedirectStandardError = true,
        })!;
        process.WaitForExit();
        return process.ExitCode == 0 ? null : "jupyter_client, jupyter_kernel_test or nbconvert is not installed";
    }
}

/// <summary>A fact that needs the classic notebook and Chromium besides.</summary>
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = new JupyterFactAttribute().Skip
        ?? (Has("chromium") || Has("chromium-headless-shell") ? Has("jupyter-notebook") ? null
        : "the classic notebook (jupyter-notebook) is not installed" : "Chromium is not installed");

    private static bool Has(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(f => File.Exists(Path.Combine(f, program)));
}

/// <summary>Runs Python with a Jupyter set-up of its own, in which this kernel is registered.</summary>
public sealed class JupyterHome : IDisposable
{
    // Far above what is needed: only what hangs is ended.
    private const int Seconds = 1000;

    internal static string Kernel { get; } = Path.Combine(TestData.Root, "artifacts", "bin", "SarSynth.Kernel",
        Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "sarsynth-kernel.dll");

    internal string Folder { get; } = Directory.CreateTempSubdirectory("jupyter-").FullName;

    public JupyterHome()
    {
        var (code, output) = Run("dotnet", Kernel, "install", "--prefix", Folder);
        Assert.True(code == 0, output);
    }

    internal (int Code, string Output) Run(string program, params string[] arguments) =>
        Run(program, [], arguments);

    internal (int Code, string Output) Run(string program, Dictionary<string, string> environment,
        params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
                WorkingDirectory = Folder,
        };
        info.Environment["JUPYTER_PATH"] = Path.Combine(Folder, "share", "jupyter");
        foreach (var variable in new[] { "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR",
            "IPYTHONDIR" })
            info.Environment[variable] = Path.Combine(Folder, variable);
        info.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        info.Environment["SARSYNTH_MERMAID"] = Path.Combine(TestData.Root, "artifacts", "plotly", "mermaid.tiny.js");
        info.Environment["SARSYNTH_PLOTLY"] = Path.Combine(TestData.Root, "artifacts", "plotly", "plotly.min.js");
        info.Environment["NUGET_PACKAGES"] = Path.Combine(Folder, "packages"); // Not this machine's cache.
        foreach (var (variable, value) in environment)
            info.Environment[variable] = value;
        using var process = Process.Start(info)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(Seconds)))
        {
            process.Kill(entireProcessTree: true);
            return (124, $"not done after {Seconds} s");
        }
        return (process.ExitCode, output.Result + error.Result);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>Runs suites and notebooks in a Jupyter set-up of its own.</summary>
public abstract class JupyterTests(JupyterHome home) : IClassFixture<JupyterHome>
{
    private protected JupyterHome Home => home;

    private protected void Suite(string name, bool maySkip = true)
    {
        var folder = Path.Combine(TestData.Root, "tests", "SarSynth.Kernel.Tests", "python");
        var (code, output) = home.Run("/usr/bin/python3", "-W", "ignore", "-c",
            $"import sys, unittest; sys.path.insert(0, {System.Text.Json.JsonSerializer.Serialize(folder)}); "
                + $"unittest.main(module=None, argv=['tests', '{name}'])");
        Assert.True(code == 0, output);
        Assert.True(maySkip || !output.Contains("skipped"), output);
    }

    private protected string Notebook(string name, params string[] cells)
    {
        var path = Path.Combine(home.Folder, name + ".ipynb");
        File.WriteAllText(path, System.Text.Json.JsonSerializer.Serialize(new
        {
            nbformat = 4, nbformat_minor = 4,
            metadata = new { kernelspec = new { name = ".net-csharp", display_name = ".NET (C#)", language = "C#" } },
            cells = cells.Select(c =>
                new { cell_type = "code", metadata = new { }, source = c, outputs = Array.Empty<object>(),
                execution_count = (int?)null }),
        }));
        return path;
    }
}
