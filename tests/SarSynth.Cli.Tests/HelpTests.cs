using System.Text.RegularExpressions;
using SarSynth.Tests.Support;

namespace SarSynth.Cli.Tests;

/// <summary>One list of commands, under one name, wherever help is asked for.</summary>
public sealed partial class HelpTests : Shell
{
    public static TheoryData<string> Commands => [.. CommandLine.Create().Subcommands.Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void EveryCommandExplainsItself(string command)
    {
        var (output, _) = Good(command, "--help");
        Assert.Contains("Description:", output);
        Assert.Contains($"sarsynth {command} ", output);
        Assert.DoesNotContain("sarsynth-cli", output);
        Assert.All(output.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void OneListNamesTheCommandsOfProgramAndScript()
    {
        var script = File.ReadAllText(Path.Combine(TestData.Root, "sarsynth"));
        var cases = Case().Matches(script[script.LastIndexOf("case ${1:-}", StringComparison.Ordinal)..]).Select(m =>
            m.Groups[1].Value);
        Assert.Equal(cases.Concat(CommandLine.Create().Subcommands.Select(c => c.Name)).Order(),
            CommandLine.Names.Order());
        Assert.All(CommandLine.Usage.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void ProgramAndScriptShowTheSameList()
    {
        var (output, _) = Good("--help");
        Assert.Equal(CommandLine.Usage, output);
        var start = new System.Diagnostics.ProcessStartInfo(Path.Combine(TestData.Root, "sarsynth"), ["--help"])
        {
            RedirectStandardOutput = true,
        };
        using var script = System.Diagnostics.Process.Start(start)!;
        Assert.Equal(output, script.StandardOutput.ReadToEnd());
    }

    [Theory]
    [InlineData("translate", "translat")]
    [InlineData("quicklook", "quick-look")]
    [InlineData("doctor", "docter")]
    [InlineData("--channel", "stats", "good.tif", "--chanel", "VV")]
    [InlineData("--guidance", "generate", "--gidance", "3", "--prompt", "x", "-o", "x.tif")]
    [InlineData("satellite-x-160", "simulate", "-o", "x", "--satellite", "satelite-x-160")]
    [InlineData("sarsynth-small", "translate", "good.tif", "-o", "x.tif", "-m", "sarsynth-smal")]
    [InlineData("smoke", "train", "-r", "smok")]
    [InlineData("paired-scenes", "data", "check", "paired-scene")]
    [InlineData("good.tif", "info", "godo.tif")]
    [InlineData("sub/good.tif", "info", "sub/god.tif")]
    [InlineData("refined-lee", "despeckle", "good.tif", "-o", "x.tif", "--filter", "refinedlee")]
    [InlineData("euler-ancestral", "generate", "--prompt", "x", "-o", "x.tif", "--scheduler", "euler-ancestal")]
    public void WhatIsMistypedGetsTheNearestThatIsKnown(string meant, params string[] arguments)
    {
        File.Copy(SatelliteFile, In("good.tif"));
        Directory.CreateDirectory(In("sub"));
        File.Copy(SatelliteFile, In("sub/good.tif"));
        var (code, _, error) = Run(arguments);
        Assert.Equal(Failures.BadInput, code);
        Assert.Contains($"did you mean '{meant}'?", error.Split('\n')[0]);
    }

    [Fact]
    public void UnknownModelIsAnsweredWithModelsOnly()
    {
        File.Copy(SatelliteFile, In("good.tif"));
        var (_, _, error) = Run("translate", "good.tif", "-o", "x.tif", "-m", "unknown");
        Assert.Contains("sarsynth-small", error);
        Assert.Contains("folder or file may be given", error);
        Assert.DoesNotContain("paired-scenes", error);
    }

    [Fact]
    public void TablesFit80ColumnsWithoutCodes()
    {
        File.Copy(SatelliteFile, In("a-file-whose-name-is-long-enough-to-need-more-than-one-line-of-a-table.tif"));
        var name = Path.GetFileName(Directory.GetFiles(Folder).Single());
        foreach (var arguments in (string[][])[["info", name], ["stats", name], ["data", "list"]])
        {
            // A build server's variables make other programs write colours into pipes.
            var (code, output, error) = RunWith(new() { ["GITHUB_ACTIONS"] = "true" }, arguments);
            Assert.True(code == 0, error);
            Assert.DoesNotContain('\u001b', output + error);
            Assert.All(output.Split('\n').Where(line => !line.StartsWith(name, StringComparison.Ordinal)),
                line => Assert.True(line.Length <= 80, line));
        }
    }

    [Fact]
    public void StatsShowWhatTheirHelpPromises()
    {
        var help = CommandLine.Create().Subcommands.Single(command => command.Name == "stats").Description!;
        File.Copy(SatelliteFile, In("a.tif"));
        var (output, _) = Good("stats", "a.tif");
        foreach (var promised in help[(help.IndexOf(':') + 1)..].TrimEnd('.')
            .Split(',', StringSplitOptions.TrimEntries))
            Assert.Contains(promised, output);
    }

    [GeneratedRegex("^    ([a-z]+)\\)", RegexOptions.Multiline)]
    private static partial Regex Case();
}
