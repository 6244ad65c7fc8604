// The devcontainer's own command, run as it stands in a fresh checkout on a machine as its image is: Ubuntu, whose
// packages have no Chromium. What would install and build is stood in for, what decides is setup.sh's own.
using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.House;

public sealed class DevcontainerTests : IDisposable
{
    private readonly string checkout = Directory.CreateTempSubdirectory("sarsynth-devcontainer-").FullName;

    public void Dispose() => Directory.Delete(checkout, recursive: true);

    [Fact]
    public void Its_command_installs_what_ubuntu_has_and_fetches_a_chromium()
    {
        Prepare();
        var (code, said) = Run();
        Assert.True(code == 0, said);
        Assert.Contains("Ready in ", said);
        var installed = File.ReadAllText(Path.Combine(checkout, "apt.log"));
        Assert.Matches(@"--no-install-recommends install .*\blibzmq5\b", installed);
        Assert.DoesNotContain("chromium", installed);
        var version = Regex.Match(File.ReadAllText(Path.Combine(checkout, "environment", "common.sh")),
            @"playwright_version=(\S+)").Groups[1].Value;
        Assert.Contains($"playwright@{version} install --with-deps --only-shell chromium",
            File.ReadAllText(Path.Combine(checkout, "npx.log")));
        var built = File.ReadAllText(Path.Combine(checkout, "dotnet.log"));
        Assert.Contains("build src/SarSynth.Kernel -c Release", built);
        Assert.Contains("build src/SarSynth.Cli -c Release", built);
        Assert.True(File.Exists(Path.Combine(checkout, "jupyter", "kernels", ".net-csharp", "kernel.json")));
    }

    [Fact]
    public void A_package_that_does_not_install_is_told_with_what_to_do()
    {
        Prepare();
        Script("apt-get", """case "$*" in *" install "*) echo "E: Unable to fetch" >&2; exit 100;; esac""");
        var (code, said) = Run();
        Assert.NotEqual(0, code);
        Assert.Contains("E: Unable to fetch", said);
        Assert.Contains("What to do: ", said);
    }

    [Fact]
    public void Its_editor_finds_kernel_and_extensions()
    {
        var container = Container();
        Assert.StartsWith("mcr.microsoft.com/devcontainers/dotnet:10", (string)container["image"]!);
        var code = container["customizations"]!["vscode"]!;
        Assert.Contains("ms-toolsai.jupyter", code["extensions"]!.AsArray().Select(e => (string)e!));
        // The kernel's installer writes to where the editor is told that it may be trusted.
        Assert.Contains(code["settings"]!["jupyter.kernels.trusted"]!.AsArray().Select(p => (string)p!),
            path => path.EndsWith("/jupyter/kernels/.net-csharp/kernel.json", StringComparison.Ordinal));
    }

    private static JsonNode Container() => JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.Root, ".devcontainer",
        "devcontainer.json")))!;

    private void Prepare()
    {
        foreach (var file in (string[])["environment/setup.sh", "environment/common.sh", "environment/packages",
            "Directory.Build.props", "Directory.Packages.props", "global.json"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(checkout, file))!);
            File.Copy(Path.Combine(TestData.Root, file), Path.Combine(checkout, file));
        }
        foreach (var folder in (string[])["src/SarSynth.Kernel", "src/SarSynth.Cli", "bin/sdk/10.0.100", "home",
            "artifacts/plotly"])
            Directory.CreateDirectory(Path.Combine(checkout, folder));
        // Scripts of npm are checked by their sums: here they are fetched already.
        var common = File.ReadAllText(Path.Combine(checkout, "environment", "common.sh"));
        foreach (var (name, file) in ((string, string)[])[("plotly", "plotly.min.js"), ("mermaid", "mermaid.tiny.js")])
        {
            File.WriteAllText(Path.Combine(checkout, "artifacts", "plotly", file), "");
            File.WriteAllText(Path.Combine(checkout, "artifacts", "plotly", file + ".version"),
                Regex.Match(common, $@"\b{name}_version=(\S+)").Groups[1].Value);
        }
        // The system's tools, but for browsers.
        foreach (var tool in ((string[])["/usr/bin", "/bin", "/usr/sbin", "/sbin"]).Where(Directory.Exists)
            .SelectMany(Directory.EnumerateFiles))
            if (!Regex.IsMatch(Path.GetFileName(tool), "chrom") && !File.Exists(Bin(Path.GetFileName(tool))))
                File.CreateSymbolicLink(Bin(Path.GetFileName(tool)), tool);
        Script("id", "echo 0");
        Script("dpkg-query", "echo 'installed bash'");
        Script("apt-cache", """shift; for name; do case $name in chromium*) ;; *) echo "$name | 1.0 |";; esac; done""");
        Script("apt-get", $"""echo "$*" >> '{checkout}/apt.log'""");
        Script("npx", $"""
            echo "$*" >> '{checkout}/npx.log'
            shell=$HOME/.cache/ms-playwright/chromium_headless_shell-1/linux
            mkdir -p $shell && touch $shell/headless_shell
            """);
        Script("dotnet", $"""
            echo "$*" >> '{checkout}/dotnet.log'
            case $1 in
                build) mkdir -p '{checkout}'/artifacts/bin/SarSynth.Kernel/release
                    touch '{checkout}'/artifacts/bin/SarSynth.Kernel/release/sarsynth-kernel.dll ;;
                *.dll) mkdir -p '{checkout}'/jupyter/kernels/.net-csharp
                    echo "$1" > '{checkout}'/jupyter/kernels/.net-csharp/kernel.json ;;
                --version) echo 10.0.100 ;;
            esac
            """);
    }

    private string Bin(string name) => Path.Combine(checkout, "bin", name);

    private void Script(string name, string text)
    {
        File.Delete(Bin(name));
        File.WriteAllText(Bin(name), $"#!/bin/bash\n{text}\n");
        using var mode = Process.Start("/bin/chmod", ["+x", Bin(name)]);
        mode.WaitForExit();
    }

    private (int Code, string Said) Run()
    {
        var start = new ProcessStartInfo("/bin/bash", ["-c", (string)Container()["postCreateCommand"]!])
        {
            WorkingDirectory = checkout, RedirectStandardOutput = true, RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in ((string, string)[])[("PATH", Path.Combine(checkout, "bin")),
            ("HOME", Path.Combine(checkout, "home")), ("JUPYTER_DATA_DIR", Path.Combine(checkout, "jupyter"))])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, said);
    }
}
