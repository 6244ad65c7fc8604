// The known name that is nearest to a mistyped one.
namespace SarSynth.Cli;

/// <summary>Finds near names by edit distance.</summary>
static class Nearest
{
    /// <summary>The nearest of some names, or null where none is near: more than a third of its letters would differ.
    /// </summary>
    /// <param name="name">What was typed.</param>
    /// <param name="known">What there is.</param>
    public static string? To(string name, IEnumerable<string> known)
    {
        var best = known.Select(word =>
            (Word: word, Distance: Distance(name.ToLowerInvariant(), word.ToLowerInvariant())))
            .OrderBy(found => found.Distance).ThenBy(found => found.Word, StringComparer.Ordinal).FirstOrDefault();
        if (best.Word is null)
            return null;
        // The beginning of one name only is meant as that name, too.
        var begun = known.Where(word => name.Length >= 3
            && word.StartsWith(name, StringComparison.OrdinalIgnoreCase)).ToList();
        return 3 * best.Distance <= name.Length ? best.Word : begun.Count == 1 ? begun[0] : null;
    }

    /// <summary>"; did you mean 'x'?" or nothing.</summary>
    /// <inheritdoc cref="To"/>
    public static string Hint(string name, IEnumerable<string> known) =>
        To(name, known) is { } near ? $"; did you mean '{near}'?" : "";

    /// <summary>
    /// Letters to change, add, leave out or exchange with their neighbour (optimal string alignment).
    /// </summary>
    internal static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = a[i - 1] == b[j - 1] ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j] + 1, d[i, j - 1] + 1), d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
