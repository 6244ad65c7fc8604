// What data and models exist: one JSON file in data-manifests/ for each (schema: data-manifests/manifest.schema.json).
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace SarSynth.Data;

/// <summary>A manifest, or a file that it lists, is not what it should be.</summary>
public sealed class ManifestException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>What a manifest describes.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ManifestKind>))]
public enum ManifestKind
{
    /// <summary>Images.</summary>
    [JsonStringEnumMemberName("dataset")] Dataset,

    /// <summary>Weights and what belongs to them.</summary>
    [JsonStringEnumMemberName("model")] Model,
}

/// <summary>How files were made and can be made again.</summary>
/// <param name="Command">The command, as typed in the root of the checkout.</param>
/// <param name="File">The recipe, relative to data-manifests/; null when the command says all.</param>
public sealed record ManifestRecipe(string Command, string? File = null);

/// <summary>A file with its checksum.</summary>
/// <param name="Path">
/// Relative, with forward slashes: to the checkout when the file comes with the kit,
/// to the data folder when it has addresses.
/// </param>
/// <param name="Size">Bytes, at least 1.</param>
/// <param name="Sha256">SHA-256, 64 lower-case hexadecimal digits.</param>
public sealed record ManifestFile(string Path, long Size, string Sha256)
{
    /// <summary>Where the file can be downloaded, best first; empty when it comes with the kit.</summary>
    public IReadOnlyList<Uri> Urls { get; init; } = [];
}

/// <summary>What is known of a data set or a model.</summary>
/// <param name="Name">Lower-case words joined by hyphens; the manifest's file name without .json.</param>
/// <param name="Kind">Data set or model.</param>
/// <param name="Title">One line.</param>
/// <param name="Licence">SPDX identifier, or the licence's name where it has none.</param>
/// <param name="Files">The files; none where a page alone tells how they are had.</param>
public sealed partial record Manifest(string Name, ManifestKind Kind, string Title, string Licence,
    [property: JsonPropertyOrder(1)] IReadOnlyList<ManifestFile> Files)
{
    private static readonly JsonSerializerOptions options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        NumberHandling = JsonNumberHandling.Strict,
        PropertyNameCaseInsensitive = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>The schema that the file names; not used here.</summary>
    [JsonPropertyName("$schema"), JsonPropertyOrder(-1)]
    public string? Schema { get; init; }

    /// <summary>What it is, in a few sentences.</summary>
    public string? Description { get; init; }

    /// <summary>The credit that the licence asks for.</summary>
    public string? Attribution { get; init; }

    /// <summary>What the licence asks of whoever uses it, a sentence each.</summary>
    public IReadOnlyList<string> Duties { get; init; } = [];

    /// <summary>How it wants to be cited.</summary>
    public string? Citation { get; init; }

    /// <summary>How much there is, in words: files of its publisher are not listed here.</summary>
    public string? Extent { get; init; }

    /// <summary>A page about it; where no file is listed, the way to it.</summary>
    public Uri? Homepage { get; init; }

    /// <summary>Name of the sensor: a file in data-manifests/sensors without .json.</summary>
    public string? Sensor { get; init; }

    /// <summary>Resolution along ground range, metres.</summary>
    public double? RangeResolution { get; init; }

    /// <summary>Resolution along azimuth, metres.</summary>
    public double? AzimuthResolution { get; init; }

    /// <summary>How the files were made.</summary>
    public ManifestRecipe? Recipe { get; init; }

    /// <summary>Bytes of all files.</summary>
    [JsonIgnore]
    public long Size => Files.Sum(f => f.Size);

    /// <summary>Reads a manifest and checks every field.</summary>
    /// <param name="path">The JSON file.</param>
    /// <exception cref="ManifestException">
    /// It cannot be read, or a field is missing, unknown or wrong; the message names file and field.
    /// </exception>
    public static Manifest Load(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ManifestException($"{path}: cannot be read: {e.Message}", e);
        }
        var manifest = Parse(text, path);
        var expected = Path.GetFileNameWithoutExtension(path);
        return manifest.Name == expected ? manifest
            : throw Wrong(path, "name", $"'{manifest.Name}'", $"'{expected}', as the file is called");
    }

    /// <summary>Reads all manifests of a folder, by name.</summary>
    /// <param name="folder">The folder; files called *.schema.json are left out, folders in it too.</param>
    /// <exception cref="ManifestException">One of them is wrong.</exception>
    public static IReadOnlyList<Manifest> LoadAll(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.json")
            .Where(f => !f.EndsWith(".schema.json", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .Select(Load)];

    /// <summary>Reads a manifest from text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What errors call it.</param>
    /// <exception cref="ManifestException">A field is missing, unknown or wrong.</exception>
    public static Manifest Parse(string json, string source)
    {
        Manifest manifest;
        try
        {
            manifest = JsonSerializer.Deserialize<Manifest>(json, options)
                ?? throw new ManifestException($"{source}: found null, expected a manifest.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ManifestException($"{source}: not a manifest: {e.Message}", e);
        }
        manifest.Check(source);
        return manifest;
    }

    /// <summary>
    /// This manifest with the sizes and checksums that the kit's own files have
    /// now; files with addresses stay as they are.
    /// </summary>
    /// <param name="checkout">Root of the kit.</param>
    /// <param name="folder">
    /// All files below this folder take the place of the kit's own files that are listed; null: those that are listed.
    /// </param>
    /// <exception cref="ManifestException">A file is not there, or there is none.</exception>
    public Manifest Recorded(string checkout, string? folder = null)
    {
        var paths = folder is null
            ? Files.Where(f => f.Urls.Count == 0).Select(f => f.Path)
            : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
                .Select(f => Path.GetRelativePath(checkout, f).Replace('\\', '/'));
        ManifestFile[] own = [.. paths.Select(path =>
        {
            var file = new FileInfo(Path.Combine(checkout, path));
            return file.Exists ? new ManifestFile(path, file.Length, ManifestStore.Sha256(file.FullName))
                : throw new ManifestException($"{file.FullName}: not there, but manifest '{Name}' lists it.");
        })];
        var recorded = this with { Files = [.. own, .. Files.Where(f => f.Urls.Count > 0)] };
        recorded.Check(Name);
        return recorded;
    }

    /// <summary>The manifest as JSON, as its schema wants it.</summary>
    public string ToJson()
    {
        var node = JsonSerializer.SerializeToNode(this, options)!.AsObject();
        foreach (var file in node["files"]!.AsArray())
        {
            if (file!["urls"]!.AsArray().Count == 0)
                file.AsObject().Remove("urls");
        }
        if (Duties.Count == 0)
            node.AsObject().Remove("duties");
        return node.ToJsonString(options) + "\n";
    }

    private void Check(string source)
    {
        Require(NamePattern().IsMatch(Name), "name", $"'{Name}'", "lower-case words joined by hyphens");
        Require(Title.Length > 0, "title", "nothing", "a line of text");
        Require(Licence.Length > 0, "licence", "nothing", "an SPDX identifier");
        Require(Sensor is null || NamePattern().IsMatch(Sensor), "sensor", $"'{Sensor}'",
            "the name of a file in sensors/");
        Require(Homepage is null || IsWeb(Homepage), "homepage", $"'{Homepage}'", "an http or https address");
        Require(RangeResolution is null or > 0, "rangeResolution", $"{RangeResolution}", "metres above 0");
        Require(AzimuthResolution is null or > 0, "azimuthResolution", $"{AzimuthResolution}", "metres above 0");
        Require(Recipe is null || Recipe.Command.Length > 0, "recipe.command", "nothing", "a command");
        Require(Recipe?.File is null || IsInside(Recipe.File), "recipe.file", $"'{Recipe?.File}'",
            "a relative path without '..'");
        Require(Files.Count > 0 || Homepage is not null, "files", "an empty list", "at least one file, or a homepage");
        Require(Duties.All(d => d.Length > 0), "duties", "an empty line", "sentences");
        Require(Citation is null or { Length: > 0 }, "citation", "nothing", "a line of text");
        Require(Extent is null or { Length: > 0 }, "extent", "nothing", "a line of text");
        for (var i = 0; i < Files.Count; i++)
        {
            var file = Files[i];
            Require(IsInside(file.Path), $"files[{i}].path", $"'{file.Path}'",
                "a relative path with forward slashes and without '..'");
            Require(file.Size > 0, $"files[{i}].size", $"{file.Size}", "bytes, at least 1");
            Require(Sha256Pattern().IsMatch(file.Sha256), $"files[{i}].sha256", $"'{file.Sha256}'",
                "64 lower-case hexadecimal digits");
            foreach (var url in file.Urls)
                Require(IsWeb(url), $"files[{i}].urls", $"'{url}'", "http or https addresses");
        }
        var twice = Files.GroupBy(f => f.Path).FirstOrDefault(g => g.Count() > 1);
        Require(twice is null, "files", $"'{twice?.Key}' twice", "each path once");

        void Require(bool holds, string field, string found, string expected)
        {
            if (!holds)
                throw Wrong(source, field, found, expected);
        }
    }

    private static ManifestException Wrong(string source, string field, string found, string expected) =>
        new($"{source}: {field}: found {found}, expected {expected}.");

    private static bool IsWeb(Uri address) => address.IsAbsoluteUri && address.Scheme is "http" or "https";

    private static bool IsInside(string path) => PathPattern().IsMatch(path);

    [GeneratedRegex("^[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("^[0-9a-f]{64}$")]
    private static partial Regex Sha256Pattern();

    [GeneratedRegex(@"^(?!/)(?!.*\.\.)[^\\:]+$")]
    private static partial Regex PathPattern();
}
