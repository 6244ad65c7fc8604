// The scripts at the door: ./sarsynth and environment/setup.sh say what they want, and with which exit code.
using System.Diagnostics;
using System.Text.Json.Nodes;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.House;

public class CommandTests
{
    [Theory]
    [InlineData(0, "Usage: sarsynth COMMAND", "sarsynth", "--help")]
    [InlineData(2, "Usage: sarsynth COMMAND", "sarsynth")]
    [InlineData(0, "--engine cpu|cuda", "sarsynth", "setup", "--help")]
    [InlineData(2, "--engine 'fast': expected cpu or cuda", "environment/setup.sh", "--engine", "fast")]
    [InlineData(2, "'--fast' is not an option", "environment/setup.sh", "--fast")]
    public void SaysWhatItWants(int code, string words, string script, params string[] arguments)
    {
        var (found, said) = Run(Path.GetTempPath(), Path.Combine(TestData.Root, script), arguments);
        Assert.Contains(words, said);
        Assert.Equal(code, found);
    }

    [Fact]
    public void DoctorTellsOfEveryPartFromAnyFolder()
    {
        var (code, said) = Run("/", Path.Combine(TestData.Root, "sarsynth"), ["doctor"]);
        foreach (var part in (string[])[".NET SDK", "engine", "threads", "GPU", "GDAL", "ZeroMQ", "Jupyter", "kernel",
            "Chromium", "plotly.js"])
            Assert.Contains($" {part} ", said);
        // What is missing is counted, and has a line that mends it.
        var missing = said.Split('\n').Count(l => l.StartsWith("  \u2717", StringComparison.Ordinal));
        Assert.Equal(missing,
            said.Split('\n').Count(l => l.TrimStart().StartsWith("mend: ", StringComparison.Ordinal)));
        Assert.Equal(missing == 0 ? 0 : 1, code);
    }

    [Fact]
    public void DoctorSeesWhatIsMissing()
    {
        var (code, said) = Run("/", Path.Combine(TestData.Root, "sarsynth"), ["doctor"],
            new() { ["JUPYTER_DATA_DIR"] = "/nowhere" });
        Assert.Contains("\u2717 kernel         .net-csharp is not registered", said);
        Assert.Equal(1, code);
    }

    [Fact]
    public void DevcontainerCallsTheSetupAndNothingElse()
    {
        var container = JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.Root, ".devcontainer",
            "devcontainer.json")))!;
        Assert.Equal("environment/setup.sh --kit --yes", (string?)container["postCreateCommand"]);
        Assert.Empty(container.AsObject().Select(p => p.Key)
            .Where(k => k.EndsWith("Command", StringComparison.Ordinal)).Except(["postCreateCommand"]));
    }

    private static (int Code, string Said) Run(string folder, string script, string[] arguments,
        Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(script, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true,
            RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in environment ?? [])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEnd() + errors.GetAwaiter().GetResult();
        process.WaitForExit();
        return (process.ExitCode, said);
    }
}
