// Where tests find data: committed goldens, and the larger optional collection that a checkout may have beside it.
using System.Runtime.CompilerServices;

namespace SarSynth.Tests.Support;

/// <summary>Paths of test data.</summary>
public static class TestData
{
    /// <summary>The root of the checkout.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A committed golden file or folder: tests/goldens/<paramref name="path"/>.</summary>
    public static string Golden(string path) => Path.Combine(Root, "tests", "goldens", path);

    /// <summary>
    /// A path in the optional collection (SARSYNTH_TEST_DATA, or the folder "shared" beside the checkout).
    /// </summary>
    public static string Optional(string path) =>
        Path.Combine(Environment.GetEnvironmentVariable("SARSYNTH_TEST_DATA") ?? Path.Combine(Root, "..", "shared"),
            path);

    /// <summary>Whether <paramref name="path"/> is there in the optional collection.</summary>
    public static bool HasOptional(string path) => Path.Exists(Optional(path));

    private static string FindRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}

/// <summary>A fact that needs optional data; reported skipped, by name, where the data is absent.</summary>
public sealed class OptionalDataFactAttribute : FactAttribute
{
    /// <param name="path">File or folder in the optional collection.</param>
    public OptionalDataFactAttribute(string path)
    {
        if (!TestData.HasOptional(path))
            Skip = $"optional data '{path}' is not on this machine";
    }
}

/// <summary>A theory that needs optional data; reported skipped, by name, where the data is absent.</summary>
public sealed class OptionalDataTheoryAttribute : TheoryAttribute
{
    /// <param name="path">File or folder in the optional collection.</param>
    public OptionalDataTheoryAttribute(string path)
    {
        if (!TestData.HasOptional(path))
            Skip = $"optional data '{path}' is not on this machine";
    }
}
