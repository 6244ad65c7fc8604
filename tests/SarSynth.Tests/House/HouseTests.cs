// The arrows of the house: who may use whom; and what no committed file may hold.
using System.Diagnostics;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.House;

public partial class HouseTests
{
    private const string Engine = "the tensor engine";

    /// <summary>Each project and all that it may use of ours.</summary>
    private static readonly Dictionary<string, string[]> allowed = new()
    {
        ["SarSynth.Radar"] = [],
        ["SarSynth.Diffusion"] = [Engine],
        ["SarSynth"] = ["SarSynth.Radar", "SarSynth.Diffusion", Engine],
        ["SarSynth.Cli"] = ["SarSynth"],
        ["SarSynth.Kernel"] = [],
    };

    /// <summary>
    /// Namespaces that a project's sources may name, beside its own: what comes with the projects it may use.
    /// </summary>
    private static readonly Dictionary<string, string[]> namespaces = new()
    {
        ["SarSynth.Radar"] = ["SarSynth.Radar"],
        ["SarSynth.Diffusion"] = ["SarSynth.Diffusion", "TorchSharp"],
        ["SarSynth"] = ["SarSynth", "TorchSharp"],
        ["SarSynth.Cli"] = ["SarSynth", "TorchSharp"],
        ["SarSynth.Kernel"] = ["SarSynth.Kernel"],
    };

    public static TheoryData<string> Projects =>
        [.. Directory.GetDirectories(Path.Combine(TestData.Root, "src")).Select(d => Path.GetFileName(d))
        .Where(name => File.Exists(Path.Combine(TestData.Root, "src", name, name + ".csproj")))];

    [Theory]
    [MemberData(nameof(Projects))]
    public void ProjectUsesOnlyWhatItMay(string project)
    {
        Assert.True(allowed.ContainsKey(project), $"src/{project} is not in the house's plan");
        var document = XDocument.Load(Path.Combine(TestData.Root, "src", project, project + ".csproj"));
        var used = document.Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!))
            .Concat(document.Descendants("Import").Where(i =>
                ((string)i.Attribute("Project")!).EndsWith("TensorEngine.props", StringComparison.Ordinal))
                .Select(_ => Engine))
            .Concat(document.Descendants("PackageReference")
                .Where(r => ((string)r.Attribute("Include")!).StartsWith("TorchSharp", StringComparison.Ordinal))
                .Select(_ => Engine));
        Assert.Empty(used.Except(allowed[project]));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void SourcesNameOnlyWhatTheyMay(string project)
    {
        var wrong = new List<string>();
        foreach (var file in Directory.EnumerateFiles(Path.Combine(TestData.Root, "src", project), "*.cs",
            SearchOption.AllDirectories))
        {
            foreach (var match in Ours().Matches(WithoutComments().Replace(File.ReadAllText(file), "")).Cast<Match>())
            {
                if (!namespaces[project].Any(n => match.Value == n
                    || match.Value.StartsWith(n + ".", StringComparison.Ordinal)))
                    wrong.Add($"{Path.GetRelativePath(TestData.Root, file)}: {match.Value}");
            }
        }
        Assert.Empty(wrong);
    }

    /// <summary>
    /// What the compiler saw, whatever the sources say: assemblies that the built libraries refer to.
    /// </summary>
    [Fact]
    public void BuiltLibrariesReferOnlyToWhatTheyMay()
    {
        Assert.DoesNotContain(References("SarSynth.Radar"), n =>
            n.StartsWith("SarSynth", StringComparison.Ordinal) || IsEngine(n));
        Assert.DoesNotContain(References("SarSynth.Diffusion"), n =>
            n.StartsWith("SarSynth", StringComparison.Ordinal));
        Assert.DoesNotContain(References("SarSynth"), n =>
            n is "SarSynth.Kernel" or "sarsynth-kernel" or "sarsynth-cli");

        static bool IsEngine(string name) => name is "TorchSharp";
        static string[] References(string library) =>
            [.. System.Reflection.Assembly.Load(library).GetReferencedAssemblies().Select(a => a.Name!)];
    }

    /// <summary>
    /// Charts and pictures have their rooms: elsewhere nobody need know F# options or another library's images.
    /// </summary>
    [Theory]
    [InlineData("Plotly.NET", "src/SarSynth/Figures/")]
    [InlineData("FSharp", "src/SarSynth/Figures/")]
    [InlineData("Newtonsoft", "src/SarSynth/Figures/")]
    [InlineData("Microsoft.ML", "src/SarSynth/Evaluation/")]
    [InlineData("SixLabors", "src/SarSynth/Figures/", "src/SarSynth.Radar/Images/")]
    public void PackageIsNamedOnlyInItsRooms(string package, params string[] rooms)
    {
        var named = Directory.EnumerateFiles(Path.Combine(TestData.Root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(f => !Path.GetRelativePath(TestData.Root, f).Split('/').Any(p => p is "bin" or "obj"))
            .Where(f => Regex.IsMatch(WithoutComments().Replace(File.ReadAllText(f), ""),
                $@"\b{Regex.Escape(package)}"))
            .Select(f => Path.GetRelativePath(TestData.Root, f)).ToArray();
        Assert.NotEmpty(named);
        Assert.DoesNotContain(named, f => !rooms.Any(r => f.StartsWith(r, StringComparison.Ordinal)));
    }

    /// <summary>As .editorconfig says: two files fit beside each other, and nobody scrolls sideways.</summary>
    [Fact]
    public void LinesOfCodeAreNotLong()
    {
        Assert.Contains("max_line_length = 120", File.ReadAllText(Path.Combine(TestData.Root, ".editorconfig")));
        Assert.Empty(from file in Committed()
            where Path.GetExtension(file) is ".cs" or ".csx" && File.Exists(Path.Combine(TestData.Root, file))
            from line in File.ReadLines(Path.Combine(TestData.Root, file)).Index()
            where line.Item.Length > 120
            select $"{file}({line.Index + 1}): {line.Item.Length} columns");
    }

    /// <summary>A file of the kit holds one idea; what is longer holds two.</summary>
    [Fact]
    public void FilesOfTheKitAreNotLong() =>
        Assert.Empty(from file in Committed()
            where file.StartsWith("src/", StringComparison.Ordinal) && Path.GetExtension(file) == ".cs"
                && File.Exists(Path.Combine(TestData.Root, file))
            let lines = File.ReadLines(Path.Combine(TestData.Root, file)).Count()
            where lines > 400
            select $"{file}: {lines} lines");

    [Fact]
    public void NoCommittedTextNamesAMachinesFolders()
    {
        var wrong = new List<string>();
        foreach (var file in Committed())
        {
            var path = Path.Combine(TestData.Root, file);
            if (!File.Exists(path) || new FileInfo(path).LinkTarget is not null)
                continue;
            var bytes = File.ReadAllBytes(path);
            if (bytes.AsSpan(0, Math.Min(bytes.Length, 8000)).Contains((byte)0))
                continue;
            var text = System.Text.Encoding.UTF8.GetString(bytes);
            wrong.AddRange(MachinePaths().Matches(text).Select(m => $"{file}: {m.Value}"));
        }
        Assert.Empty(wrong);
    }

    /// <summary>
    /// "Real" is said of measured data alone: what the simulator made is simulated, in every table and text.
    /// </summary>
    [Fact]
    public void NothingSimulatedIsCalledReal()
    {
        Assert.Empty(Wrong(Committed().Where(f => f.StartsWith("src/SarSynth/", StringComparison.Ordinal)
            || f.StartsWith("src/SarSynth.Cli/", StringComparison.Ordinal)
                || f.StartsWith("notebooks/", StringComparison.Ordinal)
            || f.StartsWith("data-manifests/", StringComparison.Ordinal) || f is "README.md" or "CONTRIBUTING.md")
            .Where(f => Path.GetExtension(f) is ".cs" or ".csx" or ".txt" or ".md" or ".json" or ".ipynb")));
        var sample = Path.GetTempFileName();
        try
        {
            File.WriteAllText(sample, "KL(real || image)\nthe real airborne images\nreal parts\nthe Real ones\n");
            Assert.Equal(["KL(real", "real airborne", "the Real ones"], Wrong([sample]).Select(w => w.Split(": ")[^1]));
        }
        finally
        {
            File.Delete(sample);
        }

        static IEnumerable<string> Wrong(IEnumerable<string> files) =>
            files.Where(f => File.Exists(Path.Combine(TestData.Root, f)))
            .SelectMany(f => CalledReal().Matches(File.ReadAllText(Path.Combine(TestData.Root, f)))
                .Select(m => $"{f}: {m.Value}"));
    }

    [Fact]
    public void EveryProjectIsInTheSolution()
    {
        var solution = File.ReadAllText(Path.Combine(TestData.Root, "SarSynth.sln")).Replace('\\', '/');
        var missing = Committed()
            .Where(f => f.EndsWith(".csproj", StringComparison.Ordinal)
            && !solution.Contains(f, StringComparison.Ordinal));
        Assert.Empty(missing);
    }

    [Fact]
    public void VersionsOfPackagesLieInOnePlace()
    {
        var wrong = Committed().Where(f => f.EndsWith(".csproj", StringComparison.Ordinal))
            .Where(f => XDocument.Load(Path.Combine(TestData.Root, f)).Descendants("PackageReference")
                .Any(r => r.Attribute("Version") is not null || r.Attribute("VersionOverride") is not null));
        Assert.Empty(wrong);
    }

    private static string[] Committed()
    {
        var start = new ProcessStartInfo("git", ["ls-files", "-z"]) { WorkingDirectory = TestData.Root,
            RedirectStandardOutput = true };
        try
        {
            using var git = Process.Start(start)!;
            var files = git.StandardOutput.ReadToEnd().Split('\0', StringSplitOptions.RemoveEmptyEntries);
            git.WaitForExit();
            if (git.ExitCode == 0 && files.Length > 0)
                return files;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // No git on this machine: the folders that git would leave out are left out here.
        }
        string[] left = ["artifacts", "bin", "obj", ".git", "node_modules", ".ipynb_checkpoints", "__pycache__"];
        return [.. Directory.EnumerateFiles(TestData.Root, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(TestData.Root, f))
            .Where(f => !f.Split('/').Any(left.Contains) && f != "environment/engine.props")];
    }

    [GeneratedRegex(@"\b(SarSynth\.(?:Radar|Diffusion|Kernel|Cli|Data|FineTuning|Translation|Evaluation|Figures)"
        + @"|TorchSharp)\b(?:\.\w+)*")]
    private static partial Regex Ours();

    [GeneratedRegex("""//[^\n]*|"[^"\n]*" """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex WithoutComments();

    [GeneratedRegex(@"\breal (?:airborne|satellite|images?|scenes?)\b|\bthe real ones?\b|KL\((?:\w+ \|\| )?real\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex CalledReal();

    // A home or work folder of somebody's machine; written so that this file does not hold one itself.
    [GeneratedRegex(@"(?<![\w.:/~-])/(?:work|tmp/[\w-]+|home/[\w-]+|root|Users/[\w-]+|mnt/[\w-]+)/[\w./-]+")]
    private static partial Regex MachinePaths();
}
