// What a person does: installs the kernel, opens a notebook in a browser, converts one, uses libraries and packages.
using SarSynth.Tests.Support;

namespace SarSynth.Kernel.Tests;

public sealed class JourneyTests(JupyterHome home) : JupyterTests(home)
{
    [JupyterFact]
    public void References() => Suite("kernel_language.References");

    [JupyterFact]
    public void Packages() => Suite("kernel_language.Packages");

    [BrowserFact]
    public void Browser() => Suite("kernel_browser.Browser");

    [JupyterFact]
    public void NotebookConversion()
    {
        var good = Notebook("good", "var x = 6 * 7;", "x");
        var (code, output) = Home.Run("jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", good);
        Assert.True(code == 0, output);
        Assert.Contains("\"42\"", File.ReadAllText(good));
        var bad = Notebook("bad", "throw new InvalidOperationException(\"this cell fails\");",
            "Console.WriteLine(\"never\");");
        (code, output) = Home.Run("jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", bad);
        Assert.Equal(1, code);
        Assert.Contains("this cell fails", output);
    }

    [JupyterFact]
    public void UninstallRemovesWhatInstallWrote()
    {
        var prefix = Path.Combine(Home.Folder, "prefix");
        Assert.Equal(0, Home.Run("dotnet", JupyterHome.Kernel, "install", "--prefix", prefix).Code);
        Assert.True(File.Exists(Path.Combine(prefix, "share", "jupyter", "kernels", ".net-csharp", "kernel.json")));
        Assert.Equal(0, Home.Run("dotnet", JupyterHome.Kernel, "uninstall", "--prefix", prefix).Code);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(prefix, "share", "jupyter", "kernels")));
    }

    // As someone does who has only the package: into empty folders, and a cell through what was installed there.
    [JupyterFact]
    public void PackageInstallsAsATool()
    {
        var (packages, tool, prefix) = (Path.Combine(Home.Folder, "packed"), Path.Combine(Home.Folder, "tool"),
            Path.Combine(Home.Folder, "tool-prefix"));
        var project = Path.Combine(TestData.Root, "src", "SarSynth.Kernel");
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));
        Ok(Home.Run("dotnet", "pack", project, "--no-build", "-c", configuration, "-o", packages, "-v", "quiet",
            "-nodeReuse:false"));
        var sources = Path.Combine(Home.Folder, "NuGet.Config");
        File.WriteAllText(sources,
            $"<configuration><packageSources><clear/><add key=\"packed\" "
            + $"value=\"{packages}\"/></packageSources></configuration>");
        Ok(Home.Run("dotnet", "tool", "install", "sarsynth-kernel", "--tool-path", tool, "--configfile", sources));
        Ok(Home.Run(Path.Combine(tool, "sarsynth-kernel"), "install", "--prefix", prefix));
        var spec = Path.Combine(prefix, "share", "jupyter", "kernels", ".net-csharp", "kernel.json");
        Assert.Contains(Path.Combine(tool, "sarsynth-kernel"), File.ReadAllText(spec));
        var notebook = Notebook("tool", "typeof(Comm).Assembly.Location");
        var environment = new Dictionary<string,
            string> { ["JUPYTER_PATH"] = Path.Combine(prefix, "share", "jupyter") };
        Ok(Home.Run("jupyter", environment, "nbconvert", "--to", "notebook", "--execute", "--inplace", notebook));
        Assert.Contains(Path.Combine(tool, ".store"), File.ReadAllText(notebook));
        Ok(Home.Run(Path.Combine(tool, "sarsynth-kernel"), "uninstall", "--prefix", prefix));
        Assert.False(File.Exists(spec));
    }

    private static void Ok((int Code, string Output) run) => Assert.True(run.Code == 0, run.Output);
}
