// The kernel as front ends see it: the suites in python/, over jupyter_client, each in a process of its own.
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
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-c", "import jupyter_client, jupyter_kernel_test, nbconvert"])
        {
            RedirectStandardError = true,
        })!;
        process.WaitForExit();
        return process.ExitCode == 0 ? null : "jupyter_client, jupyter_kernel_test or nbconvert is not installed";
    }
}

/// <summary>Runs Python with a Jupyter set-up of its own, in which this kernel is registered.</summary>
public sealed class JupyterHome : IDisposable
{
    internal static string Kernel { get; } = Path.Combine(TestData.Root, "artifacts", "bin", "SarSynth.Kernel",
        Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "sarsynth-kernel.dll");

    internal string Folder { get; } = Directory.CreateTempSubdirectory("jupyter-").FullName;

    public JupyterHome()
    {
        var (code, output) = Run("dotnet", 60, Kernel, "install", "--prefix", Folder);
        Assert.True(code == 0, output);
    }

    internal (int Code, string Output) Run(string program, int seconds, params string[] arguments)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = Folder,
        };
        info.Environment["JUPYTER_PATH"] = Path.Combine(Folder, "share", "jupyter");
        foreach (var variable in new[] { "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR" })
            info.Environment[variable] = Path.Combine(Folder, variable);
        info.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(info)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(seconds)))
        {
            process.Kill(entireProcessTree: true);
            return (124, $"not done after {seconds} s");
        }
        return (process.ExitCode, output.Result + error.Result);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}

/// <summary>The suites.</summary>
public sealed class PythonTests(JupyterHome home) : IClassFixture<JupyterHome>
{
    private const int Seconds = 300;

    [JupyterFact]
    public void KernelTestSuite() => Suite("kernel_suite");

    [JupyterFact]
    public void Language() => Suite("kernel_language.Language");

    [JupyterFact]
    public void Output() => Suite("kernel_language.Output");

    [JupyterFact]
    public void MagicCommands() => Suite("kernel_language.Magic");

    [JupyterFact]
    public void References() => Suite("kernel_language.References");

    [JupyterFact]
    public void Requests() => Suite("kernel_protocol.Requests");

    [JupyterFact]
    public void Input() => Suite("kernel_protocol.Input");

    [JupyterFact]
    public void Comms() => Suite("kernel_protocol.Comms");

    [JupyterFact]
    public void Interrupts() => Suite("kernel_protocol.Interrupts");

    [JupyterFact]
    public void Life() => Suite("kernel_protocol.Life");

    [JupyterFact]
    public void HostileFrames() => Suite("kernel_protocol.Hostile");

    [JupyterFact]
    public void NotebookConversion()
    {
        var good = Notebook("good", "var x = 6 * 7;", "x");
        var (code, output) = home.Run("jupyter", 120, "nbconvert", "--to", "notebook", "--execute", "--inplace", good);
        Assert.True(code == 0, output);
        Assert.Contains("\"42\"", File.ReadAllText(good));
        var bad = Notebook("bad", "throw new InvalidOperationException(\"this cell fails\");", "Console.WriteLine(\"never\");");
        (code, output) = home.Run("jupyter", 120, "nbconvert", "--to", "notebook", "--execute", "--inplace", bad);
        Assert.Equal(1, code);
        Assert.Contains("this cell fails", output);
    }

    [JupyterFact]
    public void UninstallRemovesWhatInstallWrote()
    {
        var prefix = Path.Combine(home.Folder, "prefix");
        Assert.Equal(0, home.Run("dotnet", 60, JupyterHome.Kernel, "install", "--prefix", prefix).Code);
        Assert.True(File.Exists(Path.Combine(prefix, "share", "jupyter", "kernels", ".net-csharp", "kernel.json")));
        Assert.Equal(0, home.Run("dotnet", 60, JupyterHome.Kernel, "uninstall", "--prefix", prefix).Code);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(prefix, "share", "jupyter", "kernels")));
    }

    private void Suite(string name)
    {
        var folder = Path.Combine(TestData.Root, "tests", "SarSynth.Kernel.Tests", "python");
        var (code, output) = home.Run("/usr/bin/python3", Seconds, "-W", "ignore", "-c",
            $"import sys, unittest; sys.path.insert(0, {System.Text.Json.JsonSerializer.Serialize(folder)}); unittest.main(module=None, argv=['tests', '{name}'])");
        Assert.True(code == 0, output);
    }

    private string Notebook(string name, params string[] cells)
    {
        var path = Path.Combine(home.Folder, name + ".ipynb");
        File.WriteAllText(path, System.Text.Json.JsonSerializer.Serialize(new
        {
            nbformat = 4, nbformat_minor = 4,
            metadata = new { kernelspec = new { name = ".net-csharp", display_name = ".NET (C#)", language = "C#" } },
            cells = cells.Select(c => new { cell_type = "code", metadata = new { }, source = c, outputs = Array.Empty<object>(), execution_count = (int?)null }),
        }));
        return path;
    }
}
