// Versions and sample types that readers know: another one is an error that names it, never a guess.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>Holds what a product says of its own format against what the reader was written for.</summary>
internal static class Known
{
    /// <summary>Passes a value that is one of the known ones; upper and lower case are the same.</summary>
    /// <param name="path">The product.</param>
    /// <param name="what">What is told, for example "SICD pixel type".</param>
    /// <param name="found">What the product tells.</param>
    /// <param name="known">What the reader knows.</param>
    /// <exception cref="RasterException">It is another, or missing.</exception>
    public static string Value(string path, string what, string? found, params string[] known) =>
        Array.Find(known, value => value.Equals(found?.Trim(), StringComparison.OrdinalIgnoreCase))
            ?? throw new RasterException(path, $"has {what} {Shown(found)}, expected {List(known)}");

    /// <summary>
    /// Passes a version that is absent or begins with a known one: "1.2" stands for 1.2, 1.2.0 and 1.2.1.
    /// </summary>
    /// <inheritdoc cref="Value"/>
    public static void Version(string path, string what, string? found, params string[] known)
    {
        if (found is not null && !known.Any(start => Begins(Parts(found), Parts(start))))
            throw new RasterException(path, $"is of {what} version {Shown(found)}, expected {List(known)}");

        static bool Begins(string[] version, string[] start) => version.Take(start.Length).SequenceEqual(start);
    }

    // "002.70" and "v2.70" are 2.70.
    private static string[] Parts(string version) =>
        [.. version.Trim().TrimStart('v', 'V').Split('.')
            .Select(part => part.TrimStart('0') is { Length: > 0 } digits ? digits : "0")];

    private static string Shown(string? found) => string.IsNullOrWhiteSpace(found) ? "(none)" : $"'{found.Trim()}'";

    private static string List(string[] known) =>
        known.Length == 1 ? known[0] : $"{string.Join(", ", known[..^1])} or {known[^1]}";
}
