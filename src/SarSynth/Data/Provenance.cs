// What made a file: the recipe, the seed, the versions and the SHA-256 of every input, written beside the file.
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Data;

/// <summary>One input or output of a step, with its checksum.</summary>
/// <param name="Path">File name, without folders: provenance travels with the file.</param>
/// <param name="Bytes">Length in bytes.</param>
/// <param name="Sha256">Checksum, lower-case hexadecimal.</param>
public sealed record FileFingerprint(string Path, long Bytes, string Sha256)
{
    /// <summary>Bytes of a file; of the file that a link leads to.</summary>
    public static long LengthOf(string path)
    {
        using var handle = File.OpenHandle(path);
        return RandomAccess.GetLength(handle);
    }

    /// <summary>
    /// Fingerprints an input: a file, or all files of a product's folder with their paths from its name on.
    /// </summary>
    /// <param name="path">
    /// An existing file or folder; what is neither (a dataset inside a file) has no fingerprint.
    /// </param>
    public static IEnumerable<FileFingerprint> OfProduct(string path)
    {
        if (!Directory.Exists(path))
            return File.Exists(path) ? [Of(path)] : [];
        var files = Directory.GetFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
        var parent = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)
            .TrimEnd(System.IO.Path.DirectorySeparatorChar)) ?? path;
        return files.Select(f => Of(f) with { Path = System.IO.Path.GetRelativePath(parent, f).Replace('\\', '/') });
    }

    /// <summary>Fingerprints a file.</summary>
    /// <param name="path">An existing file.</param>
    public static FileFingerprint Of(string path)
    {
        using var stream = File.OpenRead(path);
        return new(System.IO.Path.GetFileName(path), stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }
}

/// <summary>The record written beside everything that the kit makes.</summary>
/// <param name="Step">What was done ("translate", "train", ...).</param>
/// <param name="Recipe">The recipe, whole.</param>
/// <param name="Seed">The seed that every generator was derived from.</param>
/// <param name="Inputs">What was read.</param>
/// <param name="Outputs">What was written.</param>
/// <param name="Versions">The kit, the runtime and the tensor engine.</param>
/// <param name="Created">When, UTC.</param>
/// <param name="Device">Where tensors were computed ("cpu", "cuda:0"); null where the step has none.</param>
/// <param name="Ran">
/// What really ran where the recipe leaves it open: the scheduler, how brightness was matched, ...
/// </param>
/// <param name="Remarks">Where the input was not what was expected, one line each.</param>
/// <param name="Assumed">What was taken for granted because the input does not tell.</param>
/// <param name="Assertions">What a machine must be told of files that no sensor measured; null for others.</param>
public sealed record Provenance(
    string Step,
    JsonNode Recipe,
    ulong Seed,
    IReadOnlyList<FileFingerprint> Inputs,
    IReadOnlyList<FileFingerprint> Outputs,
    IReadOnlyDictionary<string, string> Versions,
    DateTime Created,
    string? Device = null,
    JsonNode? Ran = null,
    IReadOnlyList<string>? Remarks = null,
    IReadOnlyList<string>? Assumed = null,
    IReadOnlyList<Assertion>? Assertions = null)
{
    /// <summary>Fingerprints files and collects versions.</summary>
    /// <param name="step">What was done.</param>
    /// <param name="recipe">The recipe record.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="inputs">Files that were read, and folders, all files of which count.</param>
    /// <param name="outputs">Files that were written.</param>
    /// <param name="device">Where tensors were computed; null where there were none.</param>
    public static Provenance Of<TRecipe>(
        string step, TRecipe recipe, ulong seed, IEnumerable<string> inputs, IEnumerable<string> outputs,
            string? device = null) => new(
        step,
        JsonSerializer.SerializeToNode(recipe, KitJson.Options)!,
        seed,
        [.. inputs.SelectMany(FileFingerprint.OfProduct)],
        [.. outputs.Select(FileFingerprint.Of)],
        CurrentVersions(),
        DateTime.UtcNow,
        device);

    /// <summary>The same with what the step found out.</summary>
    /// <param name="ran">What really ran; a record.</param>
    /// <param name="remarks">Where the input was not what was expected.</param>
    /// <param name="assumed">What was taken for granted.</param>
    public Provenance With<TFacts>(TFacts ran, IReadOnlyList<string> remarks, IReadOnlyList<string> assumed) =>
        this with
    {
        Ran = JsonSerializer.SerializeToNode(ran, KitJson.Options), Remarks = remarks, Assumed = assumed,
    };

    /// <summary>Writes the record as JSON to <paramref name="path"/>.</summary>
    /// <param name="path">By convention the file's own name with ".provenance.json" behind it.</param>
    public void Write(string path) => KitJson.Write(path, this);

    private static SortedDictionary<string, string> CurrentVersions()
    {
        var engine = typeof(TorchSharp.torch).Assembly.GetName();
        return new()
        {
            ["sarsynth"] = SyntheticContent.Version,
            ["dotnet"] = Environment.Version.ToString(),
            ["engine"] = $"{engine.Name} {engine.Version?.ToString(3)}",
            ["libtorch"] = TorchSharp.torch.__version__,
            ["os"] = $"{RuntimeInformation.OSDescription} {RuntimeInformation.ProcessArchitecture}",
        };
    }
}
