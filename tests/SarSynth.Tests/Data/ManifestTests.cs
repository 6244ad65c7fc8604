// Manifests: what is accepted, what is refused and in which words; the schema (judged by python3-jsonschema) agrees.
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.Data;

public sealed class ManifestTests : IDisposable
{
    private const string Good = """
        {
          "name": "tiles", "kind": "dataset", "title": "Tiles", "licence": "CC-BY-4.0", "sensor": "airborne-x-040",
          "rangeResolution": 0.4, "azimuthResolution": 0.4,
          "recipe": { "command": "./sarsynth simulate", "file": "recipes/tiles.json" },
          "files": [ { "path": "data/a.tif", "size": 5,
            "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" } ]
        }
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-manifests-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>
    /// A change to the good manifest (path, new value as JSON; "" removes), and a word that the refusal must say.
    /// </summary>
    public static TheoryData<string, string, string> Wrong => new()
    {
        { "name", "\"Tiles of 2026\"", "name" },
        { "name", "", "name" },
        { "kind", "\"picture\"", "kind" },
        { "title", "\"\"", "title" },
        { "licence", "", "licence" },
        { "licence", "null", "licence" },
        { "sensor", "\"../airborne\"", "sensor" },
        { "homepage", "\"ftp://example.org\"", "homepage" },
        { "rangeResolution", "0", "rangeResolution" },
        { "azimuthResolution", "\"0.4\"", "azimuthResolution" },
        { "recipe.command", "\"\"", "recipe.command" },
        { "recipe.file", "\"../recipe.json\"", "recipe.file" },
        { "files", "[]", "files" },
        { "files.0.path", "\"/etc/passwd\"", "files[0].path" },
        { "files.0.path", "\"a/../../b\"", "files[0].path" },
        { "files.0.path", "\"a\\\\b\"", "files[0].path" },
        { "files.0.size", "0", "files[0].size" },
        { "files.0.size", "1.5", "size" },
        { "files.0.sha256", "\"2CF24\"", "files[0].sha256" },
        { "files.0.urls", "[\"file:///etc/passwd\"]", "files[0].urls" },
        { "files.0.sh256", "\"x\"", "sh256" },
        { "colour", "\"red\"", "colour" },
    };

    [Fact]
    public void WhatItsPublisherAloneGivesListsNoFile()
    {
        var text = Changed("files", "[]").TrimEnd().TrimEnd('}') + """
            , "homepage": "https://example.org", "duties": ["Give credit."], "citation": "A paper.", "extent": "much" }
            """;
        var manifest = Manifest.Parse(text, "tiles.json");
        Assert.Equal((0, "Give credit.", "A paper.", "much"),
            (manifest.Files.Count, manifest.Duties[0], manifest.Citation, manifest.Extent));
        Assert.Equal(manifest.ToJson(), Manifest.Parse(manifest.ToJson(), "tiles.json").ToJson());
    }

    /// <summary>
    /// What others publish: where, under which licence, and for models that go on in others what the licence asks.
    /// </summary>
    [Theory]
    [InlineData("sarlo-80", "CC-BY-SA-4.0", true)]
    [InlineData("umbra-open-data", "CC-BY-4.0", true)]
    [InlineData("sdxl-base", "openrail++", true)]
    [InlineData("sdxl-vae-fp16", "MIT", false)]
    [InlineData("stable-diffusion-1-5", "creativeml-openrail-m", true)]
    public void OthersDataSaysItsLicenceAndDuties(string name, string licence, bool hasDuties)
    {
        var manifest = Manifest.Load(Path.Combine(TestData.Root, "data-manifests", name + ".json"));
        Assert.Equal((licence, hasDuties), (manifest.Licence, manifest.Duties.Count > 0));
        Assert.NotNull(manifest.Homepage);
    }

    [Fact]
    public void EveryFieldIsRead()
    {
        var manifest = Manifest.Parse(Good, "tiles.json");
        Assert.Equal(("tiles", ManifestKind.Dataset, "Tiles", "CC-BY-4.0", "airborne-x-040"),
            (manifest.Name, manifest.Kind, manifest.Title, manifest.Licence, manifest.Sensor));
        Assert.Equal((0.4, 0.4), (manifest.RangeResolution, manifest.AzimuthResolution));
        Assert.Equal(new ManifestRecipe("./sarsynth simulate", "recipes/tiles.json"), manifest.Recipe);
        Assert.Equal(("data/a.tif", 5L, 0),
            (manifest.Files[0].Path, manifest.Files[0].Size, manifest.Files[0].Urls.Count));
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void WrongFieldIsNamed(string field, string value, string word)
    {
        var message = Assert.Throws<ManifestException>(() => Manifest.Parse(Changed(field, value), "tiles.json"))
            .Message;
        Assert.StartsWith("tiles.json: ", message);
        Assert.Contains(word, message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("{ \"name\": ")]
    public void WhatIsNoJsonObjectIsRefused(string text) =>
        Assert.StartsWith("x.json: ", Assert.Throws<ManifestException>(() => Manifest.Parse(text, "x.json")).Message);

    [Fact]
    public void FileNameAndNameAgree()
    {
        File.WriteAllText(Path.Combine(folder, "other.json"), Good);
        Assert.Contains("'tiles', expected 'other'",
            Assert.Throws<ManifestException>(() => Manifest.Load(Path.Combine(folder, "other.json"))).Message);
    }

    /// <summary>
    /// An independent validator holds the schema to the same verdicts, and every committed file to its schema.
    /// </summary>
    [Fact]
    public void SchemaAgreesWithTheReader()
    {
        var manifests = TestData.Root + "/data-manifests";
        var cases = new JsonArray { Case(manifests + "/manifest.schema.json", JsonNode.Parse(Good), true,
            "the good one") };
        foreach (var row in Wrong)
            cases.Add(Case(manifests + "/manifest.schema.json", JsonNode.Parse(Changed((string)row[0], (string)row[1])),
                false, $"{row[0]} = {row[1]}"));
        var committed = Directory.GetFiles(manifests, "*.json").Select(f => (f, "/manifest.schema.json"))
            .Concat(Directory.GetFiles(manifests + "/sensors", "*.json")
                .Select(f => (f, "/sensors/sensor.schema.json")));
        foreach (var (file, schema) in committed.Where(c => !c.f.EndsWith(".schema.json", StringComparison.Ordinal)))
            cases.Add(Case(manifests + schema, JsonNode.Parse(File.ReadAllText(file)), true, Path.GetFileName(file)));
        var input = Path.Combine(folder, "cases.json");
        File.WriteAllText(input, cases.ToJsonString());
        const string script = """
            import json, sys, jsonschema
            for c in json.load(open(sys.argv[1])):
                schema = json.load(open(c['schema']))
                jsonschema.Draft202012Validator.check_schema(schema)
                errors = [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(c['value'])]
                if (not errors) != c['good']:
                    print(c['what'], '-> accepted' if not errors else errors)
            """;
        using var python =
            Process.Start(new ProcessStartInfo("/usr/bin/python3",
            ["-c", script, input]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var said = python.StandardOutput.ReadToEnd() + python.StandardError.ReadToEnd();
        python.WaitForExit();
        Assert.Equal("", said);

        static JsonObject Case(string schema, JsonNode? value, bool good, string what) =>
            new() { ["schema"] = schema, ["value"] = value, ["good"] = good, ["what"] = what };
    }

    [Fact]
    public void CommittedManifestsAreTrueToTheirFiles()
    {
        var store = new ManifestStore(TestData.Root);
        foreach (var manifest in Manifest.LoadAll(Path.Combine(TestData.Root, "data-manifests")))
        {
            foreach (var file in manifest.Files.Where(f => f.Urls.Count == 0))
                Assert.Equal((file.Path, ManifestFileState.Good), (file.Path, store.Check(manifest, file)));
            if (manifest.Recipe?.File is { } recipe)
                Assert.True(File.Exists(Path.Combine(TestData.Root, "data-manifests", recipe)),
                    $"{manifest.Name}: {recipe}");
            if (manifest.Sensor is { } sensor)
                Assert.True(File.Exists(Path.Combine(TestData.Root, "data-manifests", "sensors", sensor + ".json")),
                    $"{manifest.Name}: {sensor}");
        }
    }

    [Fact]
    public void StoreTellsWhatIsWrongWithAFile()
    {
        // "hello" has this checksum in every SHA-256 tool.
        var store = new ManifestStore(folder, Path.Combine(folder, "downloads"));
        var manifest = Manifest.Parse(Good, "tiles.json");
        var path = Path.Combine(folder, "data", "a.tif");
        Assert.Contains("not there", Assert.Throws<ManifestException>(() => store.Require(manifest)).Message);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "hello!");
        Assert.Contains("found 6 bytes, expected 5", Assert.Throws<ManifestException>(() => store.Require(manifest))
            .Message);
        File.WriteAllText(path, "jello");
        var message = Assert.Throws<ManifestException>(() => store.Require(manifest)).Message;
        Assert.Contains(path, message);
        Assert.Contains("expected 2cf24dba", message);
        Assert.Contains("make it again with './sarsynth simulate'", message);
        File.WriteAllText(path, "hello");
        Assert.Equal([path], store.Require(manifest));
    }

    [Fact]
    public void RecordingWritesWhatTheFilesAre()
    {
        Directory.CreateDirectory(Path.Combine(folder, "data", "deep"));
        File.WriteAllText(Path.Combine(folder, "data", "a.tif"), "hello");
        File.WriteAllText(Path.Combine(folder, "data", "deep", "b.tif"), "abc");
        var remote = new ManifestFile("far.tif", 3,
            new string('0', 64)) { Urls = [new Uri("https://example.org/far.tif")] };
        var manifest = Manifest.Parse(Good,
            "tiles.json") with { Files = [new("data/a.tif", 1, new string('1', 64)), remote] };
        var recorded = manifest.Recorded(folder, Path.Combine(folder, "data"));
        // FIPS 180-2, appendix B.1: SHA-256 of "abc".
        Assert.Equal(("data/deep/b.tif", 3L, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (recorded.Files[1].Path, recorded.Files[1].Size, recorded.Files[1].Sha256));
        Assert.Equal(["data/a.tif", "data/deep/b.tif", "far.tif"], recorded.Files.Select(f => f.Path));
        var again = Manifest.Parse(recorded.ToJson(), "again");
        Assert.Equal(recorded.ToJson(), again.ToJson());
        Assert.Equal((5L, 1), (again.Files[0].Size, again.Files[2].Urls.Count));
        Assert.DoesNotContain("urls", manifest.Recorded(folder).ToJson().Split("far.tif")[0]);
    }

    [Fact]
    public void EveryEmbeddedFileIsInAManifest()
    {
        var listed = Manifest.LoadAll(Path.Combine(TestData.Root, "data-manifests")).SelectMany(m => m.Files)
            .Select(f => f.Path).ToHashSet();
        var embedded = Directory.EnumerateFiles(Path.Combine(TestData.Root, "data-manifests", "embedded"), "*",
            SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(TestData.Root, f));
        Assert.DoesNotContain(embedded, f => !listed.Contains(f));
    }

    [Fact]
    public void UnknownNameListsTheKnownOnes()
    {
        Directory.CreateDirectory(Path.Combine(folder, "data-manifests"));
        File.WriteAllText(Path.Combine(folder, "data-manifests", "tiles.json"), Good);
        var store = new ManifestStore(folder);
        Assert.Equal("Tiles", store.Manifest("tiles").Title);
        Assert.Contains("known are: tiles", Assert.Throws<ManifestException>(() => store.Manifest("tile")).Message);
    }

    private static string Changed(string field, string value)
    {
        var root = JsonNode.Parse(Good)!;
        var node = root;
        var steps = field.Split('.');
        foreach (var step in steps[..^1])
            node = int.TryParse(step, out var index) ? node[index]! : node[step]!;
        if (value.Length == 0)
            node.AsObject().Remove(steps[^1]);
        else
            node[steps[^1]] = JsonNode.Parse(value);
        return root.ToJsonString();
    }
}
