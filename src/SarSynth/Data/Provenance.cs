// What made a file: the recipe, the seed, the versions and the SHA-256 of every input, written beside the file.
using System.Reflection;
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
public sealed record Provenance(
    string Step,
    JsonNode Recipe,
    ulong Seed,
    IReadOnlyList<FileFingerprint> Inputs,
    IReadOnlyList<FileFingerprint> Outputs,
    IReadOnlyDictionary<string, string> Versions,
    DateTime Created,
    string? Device = null)
{
    /// <summary>Fingerprints files and collects versions.</summary>
    /// <param name="step">What was done.</param>
    /// <param name="recipe">The recipe record.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="inputs">Files that were read.</param>
    /// <param name="outputs">Files that were written.</param>
    /// <param name="device">Where tensors were computed; null where there were none.</param>
    public static Provenance Of<TRecipe>(
        string step, TRecipe recipe, ulong seed, IEnumerable<string> inputs, IEnumerable<string> outputs, string? device = null) => new(
        step,
        JsonSerializer.SerializeToNode(recipe, KitJson.Options)!,
        seed,
        [.. inputs.Select(FileFingerprint.Of)],
        [.. outputs.Select(FileFingerprint.Of)],
        CurrentVersions(),
        DateTime.UtcNow,
        device);

    /// <summary>Writes the record as JSON to <paramref name="path"/>.</summary>
    /// <param name="path">By convention the file's own name with ".provenance.json" behind it.</param>
    public void Write(string path) => KitJson.Write(path, this);

    private static SortedDictionary<string, string> CurrentVersions()
    {
        var engine = typeof(TorchSharp.torch).Assembly.GetName();
        return new()
        {
            ["sarsynth"] = typeof(Provenance).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "?",
            ["dotnet"] = Environment.Version.ToString(),
            ["engine"] = $"{engine.Name} {engine.Version?.ToString(3)}",
            ["os"] = $"{RuntimeInformation.OSDescription} {RuntimeInformation.ProcessArchitecture}",
        };
    }
}
